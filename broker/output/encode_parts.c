/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parts of messages that several encoders share. Only encode_*.c calls these
 * functions. They allocate no memory.
 */

#include "broker/model/termination.h"
#include "broker/output/encode_parts.h"

/* An absent Program says that the subscription did not ask; one that is not known is there, and empty. */
PB(Program) *encode_parts_program(PB(Program) *m, const Program *program, uint32_t variant) {
        taskbroker__v1__program__init(m);
        m->exe_withheld = variant & ENCODE_PUBLIC;
        if (!program)
                return m;
        m->state = (PB(ProgramState))program->state;
        m->truncated = program->truncated;
        m->cmdline = (ProtobufCBinaryData){ .len = program->n_cmdline, .data = (uint8_t *)program_cmdline(program) };
        if (!m->exe_withheld)
                m->exe = (ProtobufCBinaryData){ .len = program->n_exe, .data = (uint8_t *)program_exe(program) };
        m->cgroup = (ProtobufCBinaryData){ .len = program->n_cgroup, .data = (uint8_t *)program_cgroup(program) };
        return m;
}

void encode_parts_termination(PB(Termination) *m, uint32_t wait_status) {
        Termination t = termination_from_wait_status(wait_status);

        taskbroker__v1__termination__init(m);
        m->exit_code = t.exit_code;
        m->term_signal = t.term_signal;
        m->core_dumped = t.core_dumped;
}
