/* SPDX-License-Identifier: Apache-2.0 */

#include "broker/model/event.h"

/**
 * termination_from_wait_status() - take a wait status apart
 * @wait_status:  exit code << 8, or a signal, with 0x80 where core was dumped
 *
 * Return: Its parts.
 */
Termination termination_from_wait_status(uint32_t wait_status) {
        return (Termination){
                .exit_code = (wait_status >> 8) & 0xff,
                .term_signal = wait_status & 0x7f,
                .core_dumped = wait_status & 0x80,
        };
}

/**
 * event_is_of_process() - whether those who asked for processes only want it
 * @event:  the event, after the join
 *
 * An exit concerns the process if it ended it, whichever thread was last; exec,
 * session and core dump are the whole process' by nature.
 *
 * Return: Whether it concerns a process or its leader.
 */
bool event_is_of_process(const Event *event) {
        switch (event->kind) {
        case EVENT_EXIT:
                return event->exit.process_ended;
        case EVENT_EXEC:
        case EVENT_SID:
        case EVENT_COREDUMP:
        case EVENT_LOSS:
                return true;
        default:
                return event->tid == event->pid;
        }
}

/**
 * event_changes_owner() - whether the task may be another's, or known only now
 * @event:  the event, after the join
 */
bool event_changes_owner(const Event *event) {
        return event->kind == EVENT_EXEC || event->kind == EVENT_UID || event->kind == EVENT_GID ||
               event->kind == EVENT_COMM;
}
