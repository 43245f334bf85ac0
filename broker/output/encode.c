/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An event is encoded once, whoever reads it: the generated structs are filled on
 * the stack, only the members that are wanted, and packed into the caller's
 * buffer. No allocation.
 *
 * The frame of a batch is written by hand around events that are encoded
 * already: protobuf-c could only pack them all again.
 */

#include <assert.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/output/encode_parts.h"
#include "broker/output/pack.h"

/* Fills what is there; what is absent is neither initialised nor pointed to. */
static PB(TaskStats) *stats_fill(StatsMessage *m, const TaskStats *s) {
        bool delays = s->groups & STATS_DELAYS;

        taskbroker__v1__task_stats__init(&m->stats);

#define FIELD(group, name, type, offset, offset_v15, since, total) m->group.name = s->name;
        if (s->groups & STATS_IDENTITY) {
                taskbroker__v1__task_stats__identity__init(&m->identity);
                m->stats.identity = &m->identity;
                m->identity.ac_comm = bytes_of_comm(s->ac_comm);
                TASKSTATS_IDENTITY_FIELDS(FIELD)
        }
        if (s->groups & STATS_CPU) {
                taskbroker__v1__task_stats__cpu__init(&m->cpu);
                m->stats.cpu = &m->cpu;
                TASKSTATS_CPU_FIELDS(FIELD)
        }
        if (s->groups & STATS_MEMORY) {
                taskbroker__v1__task_stats__memory__init(&m->memory);
                m->stats.memory = &m->memory;
                TASKSTATS_MEMORY_FIELDS(FIELD)
        }
        if (s->groups & STATS_MEMORY_INTEGRALS) {
                taskbroker__v1__task_stats__memory_integrals__init(&m->memory_integrals);
                m->stats.memory_integrals = &m->memory_integrals;
                TASKSTATS_MEMORY_INTEGRALS_FIELDS(FIELD)
        }
        if (s->groups & STATS_SCHEDULING) {
                taskbroker__v1__task_stats__scheduling__init(&m->scheduling);
                m->stats.scheduling = &m->scheduling;
                TASKSTATS_SCHEDULING_FIELDS(FIELD)
        }
        if (s->groups & STATS_IO) {
                taskbroker__v1__task_stats__io__init(&m->io);
                m->stats.io = &m->io;
                TASKSTATS_IO_FIELDS(FIELD)
        }
        if (s->groups & STATS_EXECUTABLE) {
                taskbroker__v1__task_stats__executable__init(&m->executable);
                m->stats.executable = &m->executable;
                TASKSTATS_EXECUTABLE_FIELDS(FIELD)
        }
        if (s->groups & STATS_EXIT_STATUS) {
                taskbroker__v1__task_stats__exit_status__init(&m->exit_status);
                m->stats.exit_status = &m->exit_status;
                TASKSTATS_EXIT_STATUS_FIELDS(FIELD)
        }
#undef FIELD

        if (s->groups & (STATS_CPU_DELAY | STATS_DELAYS)) {
                taskbroker__v1__task_stats__delays__init(&m->delays);
                m->stats.delays = &m->delays;
        }
        /* All delays but cpu are one group. */
#define STATS_GROUP_OF_cpu(s) ((s)->groups & STATS_CPU_DELAY)
#define STATS_GROUP_OF_blkio(s) delays
#define STATS_GROUP_OF_swapin(s) delays
#define STATS_GROUP_OF_freepages(s) delays
#define STATS_GROUP_OF_thrashing(s) delays
#define STATS_GROUP_OF_compact(s) delays
#define STATS_GROUP_OF_wpcopy(s) delays
#define STATS_GROUP_OF_irq(s) delays
#define DELAY(name, offset, offset_v15, since, at_peak, at_peak_v15, at_time)  \
        if (STATS_GROUP_OF_##name(s) && s->version >= (since)) {              \
                taskbroker__v1__task_stats__delay__init(&m->name##_delay);    \
                m->delays.name = &m->name##_delay;                            \
                m->name##_delay.count = s->name##_delay.count;                \
                m->name##_delay.total_ns = s->name##_delay.total_ns;          \
                if (s->name##_delay.count > 0 && (s->groups & STATS_DELAY_PEAKS)) { \
                        taskbroker__v1__task_stats__delay_peak__init(&m->name##_peak); \
                        m->name##_delay.peak = &m->name##_peak;               \
                        m->name##_peak.max_ns = s->name##_delay.max_ns;       \
                        m->name##_peak.min_ns = s->name##_delay.min_ns;       \
                        m->name##_peak.max_time_ns = s->name##_delay.max_time_ns; \
                }                                                             \
        }
        TASKSTATS_DELAYS(DELAY)
#undef DELAY

        m->stats.taskstats_version = s->version;
        m->stats.unsupported_groups = s->unsupported;
        m->stats.uncounted_groups = s->uncounted;
        m->stats.withheld_groups = s->withheld;
        m->stats.tasks = s->tasks;
        m->stats.tasks_missing = s->tasks_missing;
        m->stats.tasks_unseen = s->tasks_unseen;
        return &m->stats;
}

/*
 * What everyone may know of a record. The mask of what is withheld is the same for
 * all, whatever was there: it must not tell.
 */
static void stats_restrict(TaskStats *ret, const TaskStats *stats, uint32_t variant) {
        uint32_t withheld = POLICY_WITHHELD_STATS;

        *ret = *stats;
        if (!(variant & ENCODE_STATUS)) {
                withheld |= STATS_EXIT_STATUS;
                ret->ac_flag &= ~(uint32_t)(AC_FLAG_CORE | AC_FLAG_XSIG);
        }
        ret->groups &= ~withheld;
        ret->unsupported &= ~withheld;
        ret->uncounted &= ~withheld;
        ret->withheld = withheld;
}

PB(TaskStats) *stats_fill_view(StatsMessage *m, const TaskStats *stats, uint32_t variant) {
        if (!(variant & ENCODE_PUBLIC))
                return stats_fill(m, stats);
        stats_restrict(&m->restricted, stats, variant);
        return stats_fill(m, &m->restricted);
}

/* An absent Program says that the subscription did not ask; one that is not known is there, and empty. */
static PB(Program) *program_fill(PB(Program) *m, const Program *program, uint32_t variant) {
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

/**
 * encode_event() - encode an event as a member of a batch
 * @event:    the event, after the join
 * @variant:  ENCODE_* bits
 * @buffer:   output
 *
 * Return: The number of bytes written.
 */
size_t encode_event(const Event *event, uint32_t variant, uint8_t buffer[static ENCODED_EVENT_MAX]) {
        PB(Event) m = PB_INIT(EVENT);
        union {
                PB(Fork) fork;
                PB(Exec) exec;
                PB(Exit) exit;
                PB(Comm) comm;
                PB(Credentials) credentials;
                PB(Session) session;
                PB(Ptrace) ptrace;
                PB(Coredump) coredump;
                PB(Loss) loss;
        } what;
        PB(Termination) termination, process_termination;
        StatsMessage stats UNINITIALISED, process_stats UNINITIALISED;
        PB(Program) program;
        bool shows_status = !(variant & ENCODE_PUBLIC) || (variant & ENCODE_STATUS);
        size_t n;

        m.time_ns = event->time_ns;
        m.pid = event->pid;
        m.tid = event->tid;
        m.ppid = event->ppid;
        m.uid = event->uid;
        m.comm = bytes_of_comm(event->comm);
        m.start_time_ns = event->start_time_ns;
        m.cpu = event->cpu;
        m.task_unknown = event->task_unknown;
        m.synthesised = event->synthesised;
        m.left_filter = variant & ENCODE_LEFT;
        m.restricted = (variant & ENCODE_PUBLIC) && event->kind != EVENT_LOSS;

        switch (event->kind) {
        case EVENT_FORK:
                taskbroker__v1__fork__init(&what.fork);
                what.fork.parent_tid = event->fork.parent_tid;
                what.fork.parent_pid = event->fork.parent_pid;
                m.what_case = TASKBROKER__V1__EVENT__WHAT_FORK;
                m.fork = &what.fork;
                break;
        case EVENT_EXEC:
                taskbroker__v1__exec__init(&what.exec);
                what.exec.comm_stale = event->exec.comm_stale;
                if (variant & ENCODE_PROGRAM)
                        what.exec.program = program_fill(&program, event->program, variant);
                m.what_case = TASKBROKER__V1__EVENT__WHAT_EXEC;
                m.exec = &what.exec;
                break;
        case EVENT_EXIT:
                taskbroker__v1__exit__init(&what.exit);
                if (shows_status) {
                        termination_fill(&termination, event->exit.wait_status);
                        what.exit.termination = &termination;
                }
                what.exit.process_ended = event->exit.process_ended;
                if (shows_status && event->exit.process_ended &&
                    event->exit.process_wait_status != event->exit.wait_status) {
                        termination_fill(&process_termination, event->exit.process_wait_status);
                        what.exit.process_termination = &process_termination;
                }
                if (event->exit.stats)
                        what.exit.stats = stats_fill_view(&stats, event->exit.stats, variant);
                if (event->exit.process_stats)
                        what.exit.process_stats = stats_fill_view(&process_stats, event->exit.process_stats, variant);
                what.exit.stats_missing = (PB(StatsMissing))event->exit.stats_missing;
                what.exit.exit_signal = event->exit.exit_signal;
                if (variant & ENCODE_PROGRAM)
                        what.exit.program = program_fill(&program, event->program, variant);
                m.what_case = TASKBROKER__V1__EVENT__WHAT_EXIT;
                m.exit = &what.exit;
                break;
        case EVENT_COMM:
                taskbroker__v1__comm__init(&what.comm);
                what.comm.old_comm = bytes_of_comm(event->comm_change.old_comm);
                m.what_case = TASKBROKER__V1__EVENT__WHAT_COMM_CHANGE;
                m.comm_change = &what.comm;
                break;
        case EVENT_UID:
        case EVENT_GID:
                taskbroker__v1__credentials__init(&what.credentials);
                what.credentials.real_id = event->credentials.real_id;
                what.credentials.effective_id = event->credentials.effective_id;
                if (event->kind == EVENT_UID) {
                        m.what_case = TASKBROKER__V1__EVENT__WHAT_USER_IDS;
                        m.user_ids = &what.credentials;
                } else {
                        m.what_case = TASKBROKER__V1__EVENT__WHAT_GROUP_IDS;
                        m.group_ids = &what.credentials;
                }
                break;
        case EVENT_SID:
                taskbroker__v1__session__init(&what.session);
                m.what_case = TASKBROKER__V1__EVENT__WHAT_SESSION;
                m.session = &what.session;
                break;
        case EVENT_PTRACE:
                taskbroker__v1__ptrace__init(&what.ptrace);
                what.ptrace.tracer_pid = event->ptrace.tracer_pid;
                what.ptrace.tracer_tid = event->ptrace.tracer_tid;
                m.what_case = TASKBROKER__V1__EVENT__WHAT_PTRACE;
                m.ptrace = &what.ptrace;
                break;
        case EVENT_COREDUMP:
                taskbroker__v1__coredump__init(&what.coredump);
                m.what_case = TASKBROKER__V1__EVENT__WHAT_COREDUMP;
                m.coredump = &what.coredump;
                break;
        case EVENT_LOSS:
                taskbroker__v1__loss__init(&what.loss);
                what.loss.count = variant & ENCODE_PUBLIC ? 0 : event->loss.count;
                what.loss.source = (PB(LossSource))event->loss.source;
                what.loss.reason = (PB(LossReason))event->loss.reason;
                what.loss.at_least = event->loss.at_least || (variant & ENCODE_PUBLIC);
                what.loss.cpu_known = event->loss.cpu_known;
                what.loss.since_time_ns = event->loss.since_time_ns;
                m.what_case = TASKBROKER__V1__EVENT__WHAT_LOSS;
                m.loss = &what.loss;
                break;
        default:
                assert(0);
        }

        /* tag 3 (EventBatch.events), and a length of two bytes for all but the smallest */
        n = pack_message(&m.base, buffer + 3);
        return prefix_member(buffer, 3, 3 << 3 | 2, n);
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

/**
 * encode_batch_header() - the bytes of a frame in front of its encoded events
 * @first_number:        of the first event; not 0
 * @realtime_offset_ns:  as in EventBatch
 * @n_events:            bytes of the events, which follow
 * @buffer:              output
 *
 * Return: The number of bytes written.
 */
size_t encode_batch_header(uint64_t first_number,
                           int64_t realtime_offset_ns,
                           size_t n_events,
                           uint8_t buffer[static ENCODED_BATCH_HEADER_MAX]) {
        uint8_t fields[1 + 10 + 1 + 8];
        size_t n = 0;

        fields[n++] = 1 << 3 | 0;       /* EventBatch.first_number */
        n += put_varint(fields + n, first_number);
        fields[n++] = 2 << 3 | 1;       /* EventBatch.realtime_offset_ns */
        n += put_fixed64(fields + n, (uint64_t)realtime_offset_ns);
        /* ServerMessage.event_batch */
        return put_frame_header(buffer, 2 << 3 | 2, fields, n, n_events);
}

/*
 * Snapshots.
 */

/**
 * encode_task() - encode a task as a member of a snapshot's part
 * @task:     the task; without @threads the leader, gone or not
 * @variant:  ENCODE_* bits
 * @threads:  it stands for itself; else for its process
 * @buffer:   output
 *
 * Return: The number of bytes written.
 */
size_t encode_task(const Task *task, uint32_t variant, bool threads, uint8_t buffer[static ENCODED_TASK_MAX]) {
        PB(Task) m = PB_INIT(TASK);
        PB(Program) program;
        size_t n;

        m.pid = task->process->pid;
        m.tid = task->tid;
        m.ppid = task->process->ppid;
        m.uid = task->ruid;
        m.euid = task->euid;
        m.gid = task->rgid;
        m.egid = task->egid;
        m.session = task->process->session;
        m.comm = bytes_of_comm(task->comm);
        m.start_time_ns = task->start_time_ns;
        m.kernel_thread = task->flags & TASK_KERNEL;
        m.credentials_changed = task->flags & TASK_CREDENTIALS_CHANGED;
        m.seeded = task->flags & TASK_SEEDED;
        m.task_unknown = task->flags & TASK_UNKNOWN;
        m.tasks = threads ? 0 : task->process->n_live;
        if (variant & ENCODE_PROGRAM)
                m.program = program_fill(&program, task->process->program, variant);

        n = pack_message(&m.base, buffer + 3); /* tag 1 (SnapshotPart.tasks) */
        return prefix_member(buffer, 3, 1 << 3 | 2, n);
}

/**
 * encode_part_header() - the bytes of a frame in front of its encoded tasks
 * @n_tasks:  bytes of the tasks, which follow
 * @buffer:   output
 *
 * Return: The number of bytes written.
 */
size_t encode_part_header(size_t n_tasks, uint8_t buffer[static ENCODED_PART_HEADER_MAX]) {
        /* ServerMessage.snapshot_part */
        return put_frame_header(buffer, 6 << 3 | 2, NULL, 0, n_tasks);
}
