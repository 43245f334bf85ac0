/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nlmsghdr (type NLMSG_DONE, at which mnl_cb_run() would stop: so it is walked by
 * hand), cn_msg, proc_event. A datagram holds one message. struct proc_event is
 * 8-aligned in the header and 4-aligned in the datagram: it is copied out.
 *
 * The kernel's `pid` is our tid, its `tgid` our pid; here the names change.
 */

#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/kernel/proc_message.h"

/*
 * struct proc_event as today's kernels send it; the header of an older
 * distribution may lack the parents of exit and core dump. The size has never
 * changed: absent members read as 0.
 */
typedef struct ProcEvent ProcEvent;

struct ProcEvent {
        uint32_t what;
        uint32_t cpu;
        uint64_t time_ns;
        union {
                struct {
                        uint32_t parent_tid, parent_pid, child_tid, child_pid;
                } fork;
                struct {
                        uint32_t tid, pid, real_id, effective_id;
                } id;
                struct {
                        uint32_t tid, pid, tracer_tid, tracer_pid;
                } ptrace;
                struct {
                        uint32_t tid, pid;
                        char comm[COMM_SIZE];
                } comm;
                struct {
                        uint32_t tid, pid, exit_code, exit_signal, parent_tid, parent_pid;
                } exit;
        };
};

_Static_assert(sizeof(ProcEvent) == 40, "the kernel's struct proc_event has 40 bytes");
_Static_assert(PROC_REQUEST_SIZE == sizeof(struct nlmsghdr) + sizeof(struct cn_msg) + sizeof(uint32_t),
               "a request is its headers and one word");

/* exec leaves one task, and that has the process' number before it is told, whichever thread called it. */
static bool task_is_valid(const Event *event) {
        if (event->kind == EVENT_EXEC && event->tid != event->pid)
                return false;
        return event->pid > 0 && event->pid < PROC_PID_LIMIT && event->tid > 0 && event->tid < PROC_PID_LIMIT;
}

/**
 * proc_message_parse() - read a datagram of the proc connector
 * @data:         the datagram; 4-aligned
 * @n_data:       its length
 * @ret_message:  output
 *
 * Return: 0: an event; else one of PROC_MESSAGE_E_*.
 */
int proc_message_parse(const void *data, size_t n_data, ProcMessage *ret_message) {
        const struct nlmsghdr *header = data;
        const struct cn_msg *cn;
        Event *event = &ret_message->event;
        ProcEvent p;

        /* mnl_nlmsg_ok() of libmnl 1.0.4 takes a length above INT32_MAX for a negative one, and lets it pass. */
        if (n_data < sizeof(*header) || header->nlmsg_len > n_data ||
            header->nlmsg_len < sizeof(*header) + sizeof(*cn) + sizeof(p))
                return PROC_MESSAGE_E_MALFORMED;
        cn = mnl_nlmsg_get_payload(header);
        if (cn->id.idx != CN_IDX_PROC || cn->id.val != CN_VAL_PROC || cn->len < sizeof(p) ||
            cn->len > mnl_nlmsg_get_payload_len(header) - sizeof(*cn))
                return PROC_MESSAGE_E_MALFORMED;
        memcpy(&p, cn->data, sizeof(p));
        if (p.cpu >= PROC_CPU_LIMIT)
                return PROC_MESSAGE_E_MALFORMED;

        ret_message->seq = cn->seq;
        ret_message->ack = cn->ack;
        *event = (Event){ .cpu = p.cpu, .time_ns = p.time_ns, .tid = p.id.tid, .pid = p.id.pid };

        switch (p.what) {
        case PROC_EVENT_NONE:
                return PROC_MESSAGE_E_ACK;
        case PROC_EVENT_FORK:
                event->kind = EVENT_FORK;
                event->tid = p.fork.child_tid;
                event->pid = p.fork.child_pid;
                event->fork.parent_tid = p.fork.parent_tid;
                event->fork.parent_pid = p.fork.parent_pid;
                break;
        case PROC_EVENT_EXEC:
                event->kind = EVENT_EXEC;
                break;
        case PROC_EVENT_UID:
        case PROC_EVENT_GID:
                event->kind = p.what == PROC_EVENT_UID ? EVENT_UID : EVENT_GID;
                event->credentials.real_id = p.id.real_id;
                event->credentials.effective_id = p.id.effective_id;
                break;
        case PROC_EVENT_SID:
                event->kind = EVENT_SID;
                break;
        case PROC_EVENT_PTRACE:
                event->kind = EVENT_PTRACE;
                event->ptrace.tracer_tid = p.ptrace.tracer_tid;
                event->ptrace.tracer_pid = p.ptrace.tracer_pid;
                break;
        case PROC_EVENT_COMM:
                event->kind = EVENT_COMM;
                memcpy(event->comm, p.comm.comm, sizeof(event->comm) - 1);
                break;
        case PROC_EVENT_COREDUMP:
                event->kind = EVENT_COREDUMP;
                break;
        case PROC_EVENT_EXIT:
                event->kind = EVENT_EXIT;
                event->ppid = p.exit.parent_pid;
                event->exit.wait_status = p.exit.exit_code;
                /* -1: a thread, whose parent is told nothing */
                event->exit.exit_signal = p.exit.exit_signal > 64 ? 0 : p.exit.exit_signal;
                break;
        default:
                return PROC_MESSAGE_E_UNKNOWN;
        }

        return task_is_valid(event) ? 0 : PROC_MESSAGE_E_NO_TASK;
}

/**
 * proc_request_build() - make a request to the proc connector
 * @buffer:   output
 * @request:  what to ask
 * @ack:      comes back, plus one, in the acknowledgement
 *
 * Without an event mask: a filter would make false gaps in the numbers, because
 * the kernel numbers a message before it filters it, and would swallow the
 * acknowledgement too.
 *
 * Return: The request's length.
 */
size_t proc_request_build(uint8_t buffer[static PROC_REQUEST_SIZE], ProcRequest request, uint32_t ack) {
        uint32_t op = request;
        struct nlmsghdr header = { .nlmsg_len = PROC_REQUEST_SIZE, .nlmsg_type = NLMSG_DONE };
        struct cn_msg cn = {
                .id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC },
                .ack = ack,
                .len = sizeof(op),
        };

        memcpy(buffer, &header, sizeof(header));
        memcpy(buffer + sizeof(header), &cn, sizeof(cn));
        memcpy(buffer + sizeof(header) + sizeof(cn), &op, sizeof(op));
        return PROC_REQUEST_SIZE;
}
