/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parts of messages that several encoders share. Only encode_*.c calls these
 * functions. They allocate no memory.
 */

#include "broker/base/util.h"
#include "broker/model/termination.h"
#include "broker/output/encode_parts.h"

/* A relation that is not known is absent. */
PB(ProcessId) *encode_parts_process(PB(ProcessId) *m, ProcessId process) {
        if (!process.known)
                return NULL;
        taskbroker__v1__process_id__init(m);
        m->pid = process.pid;
        m->start_boot_ns = start_by_boot_clock(process.start_time_ns);
        return m;
}

/*
 * An absent Program says that the subscription did not ask; one that is not known is there, and empty. A command line
 * longer than @n_cmdline_max is cut.
 */
PB(Program) *encode_parts_program(PB(Program) *m, const Program *program, size_t n_cmdline_max, uint32_t variant) {
        size_t n_cmdline;

        taskbroker__v1__program__init(m);
        m->exe_withheld = variant & ENCODE_PUBLIC;
        if (!program)
                return m;
        m->state = (PB(ProgramState))program->state;
        n_cmdline = MIN(program->n_cmdline, n_cmdline_max);
        m->truncated = program->truncated || n_cmdline < program->n_cmdline;
        m->cmdline = (ProtobufCBinaryData){ .len = n_cmdline, .data = (uint8_t *)program_cmdline(program) };
        if (!m->exe_withheld)
                m->exe = (ProtobufCBinaryData){ .len = program->n_exe, .data = (uint8_t *)program_exe(program) };
        m->cgroup = (ProtobufCBinaryData){ .len = program->n_cgroup, .data = (uint8_t *)program_cgroup(program) };
        return m;
}

/**
 * encode_parts_termination() - the cause of an end, or the reason why it is absent
 * @m:            room for the message
 * @wait_status:  the status
 * @unknown:      the status is not known
 * @variant:      ENCODE_* bits
 * @ret_missing:  output: the reason
 *
 * Return: @m; NULL if the cause is absent.
 */
PB(Termination) *encode_parts_termination(PB(Termination) *m, uint32_t wait_status, bool unknown, uint32_t variant,
                                          PB(TerminationMissing) *ret_missing) {
        Termination t = termination_from_wait_status(wait_status);

        if ((variant & ENCODE_PUBLIC) && !(variant & ENCODE_STATUS)) {
                *ret_missing = TASKBROKER__V1__TERMINATION_MISSING__TERMINATION_MISSING_WITHHELD;
                return NULL;
        }
        if (unknown) {
                *ret_missing = TASKBROKER__V1__TERMINATION_MISSING__TERMINATION_MISSING_UNKNOWN;
                return NULL;
        }
        *ret_missing = TASKBROKER__V1__TERMINATION_MISSING__TERMINATION_MISSING_UNSPECIFIED;
        taskbroker__v1__termination__init(m);
        m->exit_code = t.exit_code;
        m->term_signal = t.term_signal;
        m->core_dumped = t.core_dumped;
        return m;
}
