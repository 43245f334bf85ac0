/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An event as bytes, and the frame around a batch of them.
 *
 * An event is encoded once for all readers with the same variant. The wanted members of
 * the generated structs are filled on the stack and packed into the caller's buffer. The
 * encoder allocates no memory. proto/event_kinds.h lists the kinds and their fields.
 *
 * The frame of a batch is written by hand around events that are encoded already:
 * protobuf-c could only pack them all again.
 */

#include <assert.h>

#include "broker/base/util.h"
#include "broker/output/encode_parts.h"
#include "broker/output/put.h"
#include "broker/output/pack.h"

typedef struct EventMessage EventMessage;

/* An Event of the wire, with all that it can point to. */
struct EventMessage {
        uint32_t groups;        /* the statistics that the client asks for, STATS_* */
        PB(Event) event;
        union {
#define MESSAGE(NAME, name, number, kernel, task_at, parse, member, wire, ...) __typeof__(*((PB(Event) *)0)->wire) wire;
                EVENT_KINDS(MESSAGE)
#undef MESSAGE
        } what;
        PB(Termination) termination, process_termination;
        StatsMessage stats, process_stats;
        PB(Program) program;
        PB(ProcessId) maker, parent, relative;
        PB(ProcessLeader) leader;
        Event process_event;
};

/*
 * The kinds whose messages are not plain fields. Each function fills a message that is
 * initialised.
 */

static void fill_exec(EventMessage *m, PB(Exec) *exec, const Event *event, uint32_t variant) {
        exec->comm_stale = event->comm_stale;
        if (variant & ENCODE_PROGRAM)
                exec->program = encode_parts_program(&m->program, event->program, PROGRAM_CMDLINE_MAX, variant);
}

/* The cause of a process' end is sent only where it differs from the cause of its last task's end. */
static void fill_process_termination(EventMessage *m, PB(Exit) *exit, const Event *event, uint32_t variant) {
        if (exit->termination_missing == TASKBROKER__V1__TERMINATION_MISSING__TERMINATION_MISSING_WITHHELD ||
            event->exit.process_status_unknown == event->exit.status_unknown) {
                if (!exit->termination || event->exit.process_wait_status == event->exit.wait_status)
                        return;
        }
        exit->process_termination = encode_parts_termination(&m->process_termination, event->exit.process_wait_status,
                                                             event->exit.process_status_unknown, variant,
                                                             &exit->process_termination_missing);
}
/* The process, if it ended with another thread than its leader; NULL: with its leader, or that is not known. */
static PB(ProcessLeader) *fill_leader(EventMessage *message, const Event *event) {
        PB(ProcessLeader) *m = &message->leader;
        const Event *of_process;

        if (!event->exit.process_ended || event->tid == event->pid)
                return NULL;
        of_process = event_of_process(event, &message->process_event);
        if (!of_process || of_process->task_unknown)
                return NULL;
        taskbroker__v1__process_leader__init(m);
        m->start_boot_ns = start_by_boot_clock(of_process->start_time_ns);
        m->start_time_ns = of_process->start_time_ns;
        m->uid = of_process->uid;
        m->comm = bytes_of_comm(of_process->comm);
        m->comm_stale = of_process->comm_stale;
        return m;
}

/*
 * A long command line is sent at the exec, in snapshots, and at the end of the process that called exec. Other exits,
 * of threads and of children that called no exec, cost their user nothing, and have what is sent by default.
 */
static size_t exit_cmdline_max(const Event *event) {
        return event->exit.process_ended && !event->program_inherited ? PROGRAM_CMDLINE_MAX : PROGRAM_CMDLINE_DEFAULT;
}

static void fill_exit(EventMessage *m, PB(Exit) *exit, const Event *event, uint32_t variant) {
        exit->termination = encode_parts_termination(&m->termination, event->exit.wait_status,
                                                     event->exit.status_unknown, variant, &exit->termination_missing);
        exit->process_ended = event->exit.process_ended;
        if (event->exit.process_ended)
                fill_process_termination(m, exit, event, variant);
        if (event->exit.stats && m->groups)
                exit->stats = encode_stats_view(&m->stats, event->exit.stats, variant, m->groups);
        if (event->exit.process_stats && m->groups)
                exit->process_stats = encode_stats_view(&m->process_stats, event->exit.process_stats, variant,
                                                        m->groups);
        exit->stats_missing = (PB(StatsMissing))event->exit.stats_missing;
        exit->exit_signal = event->exit.exit_signal;
        exit->exit_signal_missing = event->exit.exit_signal_unknown;
        exit->leader = fill_leader(m, event);
        if (variant & ENCODE_PROGRAM)
                exit->program = encode_parts_program(&m->program, event->program, exit_cmdline_max(event), variant);
}

/* A lost record is missing in its exit, which is sent. The kernel's count of lost events is machine-wide. */
static PB(LossMissing) loss_missing(LossSource source) {
        switch (source) {
        case LOSS_TASKSTATS:
                return TASKBROKER__V1__LOSS_MISSING__LOSS_MISSING_NONE;
        case LOSS_READER:
                return TASKBROKER__V1__LOSS_MISSING__LOSS_MISSING_COUNTED;
        case LOSS_CONNECTOR:
        case LOSS_FILTER:
                break;
        }
        return TASKBROKER__V1__LOSS_MISSING__LOSS_MISSING_POSSIBLE;
}

static void fill_loss(EventMessage *m, PB(Loss) *loss, const Event *event, uint32_t variant) {
        (void)m;
        loss->count = variant & ENCODE_PUBLIC ? 0 : event->loss.count;
        loss->source = (PB(LossSource))event->loss.source;
        loss->reason = (PB(LossReason))event->loss.reason;
        loss->at_least = event->loss.at_least || (variant & ENCODE_PUBLIC);
        loss->cpu_known = event->loss.cpu_known;
        loss->since_time_ns = event->loss.since_time_ns;
        loss->missing = loss_missing(event->loss.source);
}

/* Fills the member of the event's kind. */
static void fill_what(EventMessage *m, const Event *event, uint32_t variant) {
        switch (event->kind) {
#define FIELD_U32(member, name) what->name = event->member.name;
#define FIELD_COMM(member, name) what->name = bytes_of_comm(event->member.name);
#define FIELD_PROCESS(member, name) what->name = encode_parts_process(&m->relative, event->member.name);
#define FIELD_START(member, name) what->name = event->member.name;
#define FIELD(member, name, type, at, json) FIELD_##type(member, name)
#define FILL_FIELDS(name, member) EVENT_FIELDS_##member(FIELD) (void)what;
#define FILL_OWN(name, member) fill_##name(m, what, event, variant);
#define KIND(NAME, name, number, kernel, task_at, parse, member, wire, WIRE, message, form, flags)                     \
        case EVENT_##NAME: {                                                                                           \
                __typeof__(m->what.wire) *what = &m->what.wire;                                                        \
                                                                                                                       \
                taskbroker__v1__##message##__init(what);                                                               \
                m->event.kind_case = TASKBROKER__V1__EVENT__KIND_##WIRE;                                               \
                m->event.wire = what;                                                                                  \
                FILL_##form(name, member) return;                                                                      \
        }
                EVENT_KINDS(KIND)
#undef KIND
        default:
                assert(0);
        }
}

/**
 * encode_event_groups() - encode an event as a member of a batch, with some groups of statistics
 * @event:    the event, after the join
 * @variant:  ENCODE_* bits
 * @groups:   the groups that an exit has, STATS_*; 0: it has no statistics
 * @buffer:   output
 *
 * Return: The number of bytes written.
 */
size_t encode_event_groups(const Event *event, uint32_t variant, uint32_t groups,
                           uint8_t buffer[static ENCODED_EVENT_MAX]) {
        EventMessage message UNINITIALISED;
        PB(Event) *m = &message.event;
        size_t n;

        message.groups = groups;
        taskbroker__v1__event__init(m);
        m->time_ns = event->time_ns;
        m->pid = event->pid;
        m->tid = event->tid;
        m->ppid = event->origin.pid;
        m->maker = encode_parts_process(&message.maker, event->maker);
        m->parent = encode_parts_process(&message.parent, event->parent);
        m->uid = event->uid;
        m->comm = bytes_of_comm(event->comm);
        m->start_time_ns = event->start_time_ns;
        m->start_boot_ns = start_by_boot_clock(event->start_time_ns);
        m->cpu = event->cpu;
        m->task_unknown = event->task_unknown;
        m->comm_stale = event->comm_stale;
        m->synthesised = event->synthesised;
        m->left_filter = variant & ENCODE_LEFT;
        m->restricted = (variant & ENCODE_PUBLIC) && event->kind != EVENT_LOSS;
        fill_what(&message, event, variant);

        /* tag 3 (EventBatch.events), and a length of two bytes for all but the smallest */
        n = pack_message(&m->base, buffer + 3);
        return put_member_prefix(buffer, 3, 3 << 3 | 2, n);
}

/* The same with all groups of statistics. */
size_t encode_event(const Event *event, uint32_t variant, uint8_t buffer[static ENCODED_EVENT_MAX]) {
        return encode_event_groups(event, variant, STATS_ALL_GROUPS, buffer);
}

/**
 * encode_batch_header() - the bytes of a frame in front of its encoded events
 * @first_number:        the number of the first event; not 0
 * @time_offset_ns:  as in EventBatch
 * @n_events:            bytes of the events, which follow
 * @buffer:              output
 *
 * Return: The number of bytes written.
 */
size_t encode_batch_header(uint64_t first_number,
                           int64_t time_offset_ns,
                           size_t n_events,
                           uint8_t buffer[static ENCODED_BATCH_HEADER_MAX]) {
        uint8_t fields[1 + 10 + 1 + 8];
        size_t n = 0;

        fields[n++] = 1 << 3 | 0;       /* EventBatch.first_number */
        n += put_varint(fields + n, first_number);
        fields[n++] = 2 << 3 | 1;       /* EventBatch.realtime_offset_ns */
        n += put_fixed64(fields + n, (uint64_t)time_offset_ns);
        /* ServerMessage.event_batch */
        return put_frame_header(buffer, 2 << 3 | 2, fields, n, n_events);
}
