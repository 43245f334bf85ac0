/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parts of messages that several encoders share, and the bytes around members that
 * are encoded already. Only encode_*.c calls these functions. They allocate no memory.
 */

#include <assert.h>

#include "broker/output/encode_parts.h"

/* An absent Program says that the subscription did not ask; one that is not known is there, and empty. */
PB(Program) *program_fill(PB(Program) *m, const Program *program, uint32_t variant) {
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

void termination_fill(PB(Termination) *m, uint32_t wait_status) {
        Termination t = termination_from_wait_status(wait_status);

        taskbroker__v1__termination__init(m);
        m->exit_code = t.exit_code;
        m->term_signal = t.term_signal;
        m->core_dumped = t.core_dumped;
}

/* Writes tag and length in front of @n bytes that begin at @data + @room, and closes the gap. */
size_t prefix_member(uint8_t *data, size_t room, uint8_t tag, size_t n) {
        uint8_t prefix[1 + FRAME_PREFIX_MAX];
        size_t n_prefix;

        prefix[0] = tag;
        n_prefix = 1 + frame_prefix(prefix + 1, (uint32_t)n);
        assert(n_prefix <= room);
        memcpy(data, prefix, n_prefix);
        if (n_prefix < room)
                memmove(data + n_prefix, data + room, n);
        return n_prefix + n;
}

size_t put_varint(uint8_t *data, uint64_t value) {
        size_t n = 0;

        while (value >= 0x80) {
                data[n++] = (uint8_t)(value | 0x80);
                value >>= 7;
        }
        data[n++] = (uint8_t)value;
        return n;
}

/* Little-endian. */
size_t put_fixed64(uint8_t *data, uint64_t value) {
        for (int i = 0; i < 8; ++i)
                data[i] = (uint8_t)(value >> (8 * i));
        return 8;
}

/*
 * Writes the bytes of a frame in front of @n_members bytes of encoded members: the frame's
 * length, and the one member of its ServerMessage, by its @tag, with the fields that stand
 * before them.
 */
size_t put_frame_header(uint8_t *buffer, uint8_t tag, const uint8_t *fields, size_t n_fields, size_t n_members) {
        uint8_t member[1 + FRAME_PREFIX_MAX];
        size_t n_member, n;

        member[0] = tag;
        n_member = 1 + frame_prefix(member + 1, (uint32_t)(n_fields + n_members));
        n = frame_prefix(buffer, (uint32_t)(n_member + n_fields + n_members));
        memcpy(buffer + n, member, n_member);
        n += n_member;
        if (n_fields > 0)
                memcpy(buffer + n, fields, n_fields);
        return n + n_fields;
}
