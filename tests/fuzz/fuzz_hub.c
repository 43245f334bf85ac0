/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A hub with real clients and feeds in memory, driven by the input. Clients send bytes
 * and requests, valid or not, in pieces. They subscribe with filters and snapshots, and
 * resume feeds of this hub or unknown feeds. They ask for samples and for the statistics
 * of live tasks. A made-up kernel answers, stays silent, or returns an error. Tasks
 * start, run, change and end, and time passes. Some events are lost or never sent: then
 * tasks are unknown, and no owner is certain. Filters are as costly as they may be. Readers
 * read, stall, half-close and vanish.
 *
 * Some readers belong to root, others to users who own some of the tasks.
 *
 * Each reader gets whole frames, and each gap in its numbers is reported. No reader gets
 * another user's data. The last sample of the live tasks is exact, and all memory is
 * freed. hub_samples.h has the properties of samples.
 */

#define PEER_BYTES_MAX (256u * 1024u)

#include "broker/model/owner.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hub_samples.h"
#include "tests/unit/hub_rig.h"
#include "tests/unit/made_stats.h"

enum { N_PEERS = 5, N_USERS = 3, N_TASKS = SAMPLES_TASKS, N_STEPS_MAX = 400, N_READER_OPS = 8 };

typedef struct Fuzz Fuzz;
typedef struct Reader Reader;
typedef struct ReaderStream ReaderStream;

/* A stream of a reader, and what it must get next. */
struct ReaderStream {
        uint32_t number;        /* 0: no stream */
        bool of_samples;
        bool in_snapshot;
        uint64_t next;          /* number of the next event */
        uint64_t n_tasks;       /* tasks of the snapshot */
        uint64_t feed;
        Samples samples;
};

/* A peer, and what it must get next. */
struct Reader {
        Peer peer;
        bool open;
        uint32_t uid;
        bool wrote_raw;         /* it sent raw bytes: its replies are not predicted */
        bool deaf;              /* it may get no answer: it has shut down, or the hub closes it */
        uint32_t last_stream;
        ReaderStream streams[LIMIT_STREAMS];
        Samples samples;        /* the questions */
};

struct Fuzz {
        Rig *rig;
        FuzzInput input;
        Reader readers[N_PEERS];
        MadeStats kernel;
        uint64_t last_start;                    /* no two tasks have the same */
        uint32_t n_asked;
        uint64_t last_feed, last_number;        /* a place that some reader got, to resume at */
};

/*
 * Output of the hub.
 */

static void check_stats_public(const PB(TaskStats) *stats) {
        if (!stats)
                return;
        assert(!stats->io && !stats->executable && !stats->exit_status && !stats->memory_integrals);
        assert(!stats->delays || !stats->delays->blkio);
}

/* Checks that an event about another user's task has public fields only. */
static void check_public(const Reader *reader, const PB(Event) *event) {
        if (reader->uid == 0 || event->uid == reader->uid || event->kind_case == TASKBROKER__V1__EVENT__KIND_LOSS)
                return;
        assert(event->restricted);
        assert(event->kind_case != TASKBROKER__V1__EVENT__KIND_COREDUMP);
        if (event->kind_case == TASKBROKER__V1__EVENT__KIND_EXEC && event->exec->program)
                assert(event->exec->program->exe.len == 0);
        if (event->kind_case != TASKBROKER__V1__EVENT__KIND_EXIT)
                return;
        assert(!event->exit->termination && !event->exit->process_termination);
        check_stats_public(event->exit->stats);
        check_stats_public(event->exit->process_stats);
        if (event->exit->program)
                assert(event->exit->program->exe.len == 0);
}

static void reader_check_filter_loss(const PB(Event) *event) {
        assert(event->loss->reason == TASKBROKER__V1__LOSS_REASON__LOSS_REASON_OVER_BUDGET);
        assert(event->loss->missing == TASKBROKER__V1__LOSS_MISSING__LOSS_MISSING_POSSIBLE);
        assert(event->loss->count > 0 && event->loss->since_time_ns <= event->time_ns);
}

/* The stream of a message. */
static ReaderStream *reader_stream(Reader *reader, const PB(ServerMessage) *message) {
        for (size_t i = 0; i < LIMIT_STREAMS; ++i)
                if (message->stream > 0 && reader->streams[i].number == message->stream)
                        return &reader->streams[i];
        assert(0);
        return NULL;
}

/* A stream begins. Numbers count up. */
static ReaderStream *reader_begin_stream(Reader *reader, const PB(ServerMessage) *message) {
        assert(message->stream == ++reader->last_stream);
        for (size_t i = 0; i < LIMIT_STREAMS; ++i)
                if (reader->streams[i].number == 0) {
                        reader->streams[i].number = message->stream;
                        return &reader->streams[i];
                }
        assert(0);
        return NULL;
}

static void reader_check_batch(const Reader *reader, ReaderStream *stream, const PB(EventBatch) *batch) {
        assert(!stream->of_samples && !stream->in_snapshot);
        assert(batch->n_events > 0 && batch->first_number == stream->next);
        for (size_t i = 0; i < batch->n_events; ++i) {
                const PB(Event) *event = batch->events[i];

                assert(event->kind_case != TASKBROKER__V1__EVENT__KIND__NOT_SET);
                check_public(reader, event);
                if (event->kind_case == TASKBROKER__V1__EVENT__KIND_LOSS &&
                    event->loss->source == TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_READER)
                        stream->next += event->loss->count;
                else
                        ++stream->next;
                if (event->kind_case == TASKBROKER__V1__EVENT__KIND_LOSS &&
                    event->loss->source == TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_FILTER)
                        reader_check_filter_loss(event);
        }
}

static void reader_check_part(const Reader *reader, ReaderStream *stream, const PB(SnapshotPart) *part) {
        assert(!stream->of_samples);
        stream->in_snapshot = true;
        stream->n_tasks += part->n_tasks;
        assert(stream->n_tasks <= N_TASKS);
        for (size_t i = 0; i < part->n_tasks; ++i) {
                const PB(Task) *task = part->tasks[i];

                if (reader->uid > 0 && task->uid != reader->uid && task->program)
                        assert(task->program->exe.len == 0);
        }
}

/* The stream begins anew: what was half of a snapshot or a sample does not count. */
static void reader_check_restarted(Fuzz *fuzz, ReaderStream *stream, const PB(Restarted) *restarted) {
        assert(restarted->next_number > 0);
        if (stream->of_samples) {
                samples_restart(&stream->samples, restarted->next_number);
                return;
        }
        assert(restarted->feed > 0);
        stream->in_snapshot = false;
        stream->n_tasks = 0;
        stream->feed = fuzz->last_feed = restarted->feed;
        stream->next = fuzz->last_number = restarted->next_number;
}

/* A message that has the number of a stream. */
static void reader_check_stream(Fuzz *fuzz, Reader *reader, const PB(ServerMessage) *message) {
        ReaderStream *stream;

        switch (message->body_case) {
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH:
                stream = reader_stream(reader, message);
                reader_check_batch(reader, stream, message->event_batch);
                fuzz->last_number = stream->next;
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED:
                stream = reader_begin_stream(reader, message);
                stream->next = message->subscribed->next_number;
                stream->feed = message->subscribed->feed;
                fuzz->last_feed = stream->feed;
                fuzz->last_number = stream->next;
                assert(stream->next > 0 && stream->feed > 0);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_PART:
                reader_check_part(reader, reader_stream(reader, message), message->snapshot_part);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_END:
                stream = reader_stream(reader, message);
                stream->in_snapshot = false;
                assert(message->snapshot_end->task_count == stream->n_tasks);
                assert(message->snapshot_end->number + 1 == stream->next);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED_SAMPLES:
                stream = reader_begin_stream(reader, message);
                stream->of_samples = true;
                samples_begin(&stream->samples, message->subscribed_samples, !reader->wrote_raw);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_PART:
                samples_check_batch(&reader_stream(reader, message)->samples, message->sample_part, reader->uid,
                                    !reader->wrote_raw);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_LOSS:
                samples_check_loss(&reader_stream(reader, message)->samples, message->sample_loss);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_NAMED:
                (void)reader_stream(reader, message);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_RESTARTED:
                reader_check_restarted(fuzz, reader_stream(reader, message), message->restarted);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_UNSUBSCRIBED:
                *reader_stream(reader, message) = (ReaderStream){};
                break;
        default:
                assert(0);
        }
}

static void reader_check(Fuzz *fuzz, Reader *reader, const PB(ServerMessage) *message) {
        switch (message->body_case) {
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_TASK_STATS_REPLY:
                assert(message->stream == 0);
                samples_check_answer(&reader->samples, message->task_stats_reply, reader->uid, !reader->wrote_raw);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR:
                assert(message->error->code > 0 && *message->error->message);
                if (message->stream > 0)
                        (void)reader_stream(reader, message);
                samples_forget(&reader->samples, message->error->request_id);
                reader->deaf |= message->error->closing;
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS:
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_WELCOME:
                assert(message->stream == 0);
                break;
        default:
                reader_check_stream(fuzz, reader, message);
                break;
        }
}

static size_t reader_receive(Fuzz *fuzz, Reader *reader, size_t n_max) {
        PB(ServerMessage) *message;
        size_t n_all = 0;

        while (reader->open && n_max > 0) {
                size_t n = peer_receive(&reader->peer, MIN(n_max, (size_t)64 * 1024));

                while ((message = peer_take(&reader->peer))) {
                        reader_check(fuzz, reader, message);
                        message_free(message);
                }
                memmove(reader->peer.bytes, reader->peer.bytes + reader->peer.n_taken,
                        reader->peer.n - reader->peer.n_taken);
                reader->peer.n -= reader->peer.n_taken;
                reader->peer.n_taken = 0;
                if (n == 0)
                        break;
                n_all += n;
                n_max -= MIN(n_max, n);
        }
        return n_all;
}

static void reader_close(Reader *reader) {
        if (reader->open)
                peer_free(&reader->peer);
        *reader = (Reader){};
}

/* It may have ended already: then nothing is sent. Where not all is, what follows means something else. */
static void reader_send(Reader *reader, const void *data, size_t n) {
        if (reader->open && send(reader->peer.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
                reader->wrote_raw = true;
}

/*
 * Input of the hub.
 */

static void send_message(Fuzz *fuzz, Reader *reader, const PB(ClientMessage) *message) {
        static uint8_t frame[FRAME_MAX_FROM_CLIENT + FRAME_PREFIX_MAX];
        size_t n = request_pack(frame, message), n_first = fuzz_u8(&fuzz->input);

        /* in two pieces, with a turn between them */
        if (n_first > 0 && n_first < n) {
                reader_send(reader, frame, n_first);
                rig_turn(fuzz->rig);
                reader_send(reader, frame + n_first, n - n_first);
        } else {
                reader_send(reader, frame, n);
        }
}

static void ask_status(Fuzz *fuzz, Reader *reader) {
        PB(GetBrokerStatus) get_status = TASKBROKER__V1__GET_BROKER_STATUS__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;

        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_BROKER_STATUS;
        message.get_broker_status = &get_status;
        send_message(fuzz, reader, &message);
}

/* The costliest filter that a request may have: as many values as it may have, and patterns that backtrack. */
typedef struct WorstFilter WorstFilter;

struct WorstFilter {
        PB(Filter) filter;
        uint32_t numbers[64];
        char comm[64], cgroup[512];
        ProtobufCBinaryData comms[16], cgroups[8];
};

/* @what: also whether filters have small budgets from now on. */
static void worst_filter(Fuzz *fuzz, WorstFilter *worst, uint8_t what) {
        static const char *const parts[] = { "*[[:alpha:]]", "*?", "*[!a]", "[[:alnum:]]" };

        if (what & 0x8)
                *rig_rate(fuzz->rig, QUOTA_FILTERS) = (QuotaRate){ .a_second = 10000, .at_once = 1000 };
        *worst = (WorstFilter){ .filter = TASKBROKER__V1__FILTER__INIT };
        for (size_t n = 0; n + strlen(parts[what % 4]) < sizeof(worst->comm); n += strlen(parts[what % 4]))
                strcpy(worst->comm + n, parts[what % 4]);
        memset(worst->cgroup, 'a', sizeof(worst->cgroup) - 1);
        worst->cgroup[0] = '/';
        for (uint32_t i = 0; i < ARRAY_SIZE(worst->numbers); ++i)
                worst->numbers[i] = i + (what & 0x10 ? 0 : 1000);
        for (size_t i = 0; i < ARRAY_SIZE(worst->comms); ++i)
                worst->comms[i] = (ProtobufCBinaryData){ strlen(worst->comm), (uint8_t *)worst->comm };
        for (size_t i = 0; i < ARRAY_SIZE(worst->cgroups); ++i)
                worst->cgroups[i] = (ProtobufCBinaryData){ sizeof(worst->cgroup) - 1, (uint8_t *)worst->cgroup };
        worst->filter.comms = worst->comms;
        worst->filter.n_comms = ARRAY_SIZE(worst->comms);
        worst->filter.uids = worst->filter.pids = worst->numbers;
        worst->filter.n_uids = what & 0x20 ? ARRAY_SIZE(worst->numbers) : 0;
        worst->filter.n_pids = what & 0x40 ? ARRAY_SIZE(worst->numbers) : 0;
        worst->filter.cgroups = worst->cgroups;
        worst->filter.n_cgroups = what & 0x80 ? ARRAY_SIZE(worst->cgroups) : 0;
}

static void ask_subscribe(Fuzz *fuzz, Reader *reader) {
        static const char *const comms[] = { "task-*", "task-[1-3]", "?*", "x" };
        static const char *const cgroups[] = { "/", "/a", "/a/b", "/c/" };
        FuzzInput *input = &fuzz->input;
        uint32_t kinds = fuzz_u16(input), what = fuzz_u16(input),
                 numbers[2] = { fuzz_u8(input) % N_TASKS, 1 + what % N_TASKS };
        PB(EventKind) kinds_listed[_EVENT_KIND_N];
        ProtobufCBinaryData comm, cgroup;
        WorstFilter worst;
        PB(Subscribe) subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(Resume) resume = TASKBROKER__V1__RESUME__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;

        subscribe.kinds = kinds_listed;
        for (int kind = EVENT_FORK; kind < _EVENT_KIND_N; ++kind)
                if (kinds & EVENT_BIT(kind))
                        kinds_listed[subscribe.n_kinds++] = (PB(EventKind))kind;
        subscribe.threads = what & 0x1;
        subscribe.snapshot = what & 0x2;
        subscribe.programs = what & 0x4;
        subscribe.strict = what & 0x8;
        subscribe.max_delay_ms = what & 0x10 ? 1 : 0;
        if (what & 0x20) {
                subscribe.filter = &filter;
                filter.pids = filter.subtrees = filter.uids = numbers;
                filter.n_pids = what & 0x40 ? 2 : 0;
                filter.n_subtrees = what & 0x80 ? 1 : 0;
                filter.n_uids = what & 0x100 ? 2 : 0;
                filter.cpus = (char *)(what & 0x200 ? "0-1,3" : "");
                filter.nonzero = what & 0x400;
                comm.data = (uint8_t *)comms[numbers[0] % 4];
                comm.len = strlen(comms[numbers[0] % 4]);
                filter.comms = &comm;
                filter.n_comms = what & 0x800 ? 1 : 0;
                cgroup.data = (uint8_t *)cgroups[numbers[0] % 4];
                cgroup.len = strlen(cgroups[numbers[0] % 4]);
                filter.cgroups = &cgroup;
                filter.n_cgroups = what & 0x1000 ? 1 : 0;
        }
        if (kinds & 0x8000) {
                worst_filter(fuzz, &worst, fuzz_u8(input));
                subscribe.filter = &worst.filter;
        }
        if (what & 0x2000) {
                subscribe.resume = &resume;
                resume.epoch = what & 0x4000 ? fuzz_u64(input) : RIG_EPOCH;
                resume.feed = what & 0x8000 ? fuzz_u8(input) : fuzz->last_feed;
                resume.next_number = fuzz->last_number - (uint64_t)(int8_t)fuzz_u8(input);
        }
        message.request_id = fuzz_u8(input);
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        send_message(fuzz, reader, &message);
}

static void ask_sample(Fuzz *fuzz, Reader *reader) {
        FuzzInput *input = &fuzz->input;
        uint32_t what = fuzz_u8(input), numbers[2] = { fuzz_u8(input) % N_TASKS, 1 + what % N_TASKS };
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(SubscribeSamples) sample = TASKBROKER__V1__SUBSCRIBE_SAMPLES__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        uint8_t root[] = "/";
        ProtobufCBinaryData cgroup = { 1, root };
        WorstFilter worst;

        sample.interval_ms = what & 0x1 ? LIMIT_SAMPLE_MS_MIN : LIMIT_SAMPLE_MS_MAX;
        sample.scope = what & 0x2 ? TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_THREADS
                                  : TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_PROCESSES;
        sample.groups = what & 0x4 ? STATS_IO : what & 0x8 ? STATS_CPU | STATS_EXIT_STATUS : 0;
        if (what & 0xf0) {
                sample.filter = &filter;
                filter.pids = filter.subtrees = filter.uids = numbers;
                filter.n_pids = what & 0x10 ? 2 : 0;
                filter.n_subtrees = what & 0x20 ? 1 : 0;
                filter.n_uids = what & 0x40 ? 2 : 0;
                filter.cgroups = &cgroup;
                filter.n_cgroups = what & 0x80 ? 1 : 0;
        }
        if ((what & 0xf0) == 0xf0) {
                worst_filter(fuzz, &worst, fuzz_u8(input));
                sample.filter = &worst.filter;
        }
        message.request_id = SAMPLE_ID(++fuzz->n_asked, sample.groups,
                                       sample.scope == TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_THREADS);
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE_SAMPLES;
        message.subscribe_samples = &sample;
        send_message(fuzz, reader, &message);
}

static void ask_stats(Fuzz *fuzz, Reader *reader, uint8_t what) {
        Question *question = samples_find_question(&reader->samples, 0);
        PB(GetTaskStats) get_stats = TASKBROKER__V1__GET_TASK_STATS__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;

        if (!question)
                return;
        *question = (Question){ .id = SAMPLE_ID(++fuzz->n_asked, 0, 0), .n = what % (SAMPLES_NUMBERS + 1) };
        question->n_pids = (size_t)(what >> 4) % (question->n + 1);
        for (size_t i = 0; i < question->n; ++i)
                question->numbers[i] = fuzz_u8(&fuzz->input) % (N_TASKS + 2);
        get_stats.pids = question->numbers;
        get_stats.n_pids = question->n_pids;
        get_stats.tids = question->numbers + question->n_pids;
        get_stats.n_tids = question->n - question->n_pids;
        message.request_id = question->id;
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_TASK_STATS;
        message.get_task_stats = &get_stats;
        send_message(fuzz, reader, &message);
}

/* Ends a stream, or has it begin anew; now and then a stream that is not there. */
static void ask_restart(Fuzz *fuzz, Reader *reader, uint8_t what) {
        FuzzInput *input = &fuzz->input;
        uint32_t stream = fuzz_u8(input) % (reader->last_stream + 2), numbers[2] = { fuzz_u8(input) % N_TASKS, 1 };
        PB(Unsubscribe) unsubscribe = TASKBROKER__V1__UNSUBSCRIBE__INIT;
        PB(GetSnapshot) get_snapshot = TASKBROKER__V1__GET_SNAPSHOT__INIT;
        PB(ChangeFilter) change_filter = TASKBROKER__V1__CHANGE_FILTER__INIT;
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        ProtobufCBinaryData cgroup = { .len = 2, .data = (uint8_t *)"/a" };

        unsubscribe.stream = get_snapshot.stream = change_filter.stream = stream;
        filter.pids = filter.subtrees = numbers;
        filter.cgroups = &cgroup;
        filter.n_pids = what & 0x10 ? 1 : 0;
        filter.n_subtrees = what & 0x20 ? 1 : 0;
        filter.n_cgroups = what & 0x40 ? 1 : 0;
        change_filter.filter = &filter;
        if (what & 0x80) {
                message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_CHANGE_FILTER;
                message.change_filter = &change_filter;
        } else if (what & 0x8) {
                message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_SNAPSHOT;
                message.get_snapshot = &get_snapshot;
        } else {
                message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_UNSUBSCRIBE;
                message.unsubscribe = &unsubscribe;
        }
        send_message(fuzz, reader, &message);
}

static void ask(Fuzz *fuzz, Reader *reader) {
        uint8_t what = fuzz_u8(&fuzz->input);

        if (what % 8 == 4)
                ask_restart(fuzz, reader, what);
        else if (what % 8 == 0)
                ask_status(fuzz, reader);
        else
                ask_stats(fuzz, reader, what);
}

static void send_raw(Fuzz *fuzz, Reader *reader) {
        size_t n;
        const uint8_t *data = fuzz_take(&fuzz->input, fuzz_u8(&fuzz->input), &n);

        reader->wrote_raw = true;
        reader_send(reader, data, n);
}

/* Sends a frame with a message from the input. */
static void send_frame(Fuzz *fuzz, Reader *reader) {
        uint8_t prefix[FRAME_PREFIX_MAX];
        size_t n;
        const uint8_t *data = fuzz_take(&fuzz->input, fuzz_u8(&fuzz->input), &n);

        reader->wrote_raw = true;
        reader_send(reader, prefix, frame_prefix(prefix, (uint32_t)n));
        reader_send(reader, data, n);
}

/*
 * Events of the machine, published as the join publishes them: before the table changes.
 */

static Event event_of(Fuzz *fuzz, EventKind kind, const Task *task) {
        Event event = {
                .kind = kind,
                .cpu = fuzz_u8(&fuzz->input) & 3,
                .time_ns = 1000,
                .pid = task->process->pid,
                .tid = task->tid,
                .process_start_ns = process_leader(task->process)->start_time_ns,
                .origin = process_origin(task->process),
                .maker = process_maker(task->process),
                .parent = parents_present(&fuzz->rig->join.table, task->process),
                .uid = task->ruid,
                .start_time_ns = task->start_time_ns,
                .task_unknown = task->flags & TASK_UNKNOWN,
                .program = task->process->program,
                .marks = task->process->marks,
                .owner = owner_of_task(task),
        };

        memcpy(event.comm, task->comm, sizeof(event.comm));
        return event;
}

static void publish(Fuzz *fuzz, const Event *event) {
        rig_publish_event(fuzz->rig, event);
}

/* Runs a task. Its read bytes get the label of its owner, or the foreign label. */
static void run_task(Fuzz *fuzz, const Task *task, uint64_t run_ns) {
        Owner owner = owner_of_task(task);

        fuzz->kernel.run_ns[task->tid] += run_ns;
        fuzz->kernel.read_bytes[task->tid] = owner.claim == OWNER_SHOWN ? LABEL_OF(task->ruid) : LABEL_FOREIGN;
}

static void make_task(Fuzz *fuzz, uint32_t tid, uint32_t pid, uint32_t ppid) {
        TaskTable *table = &fuzz->rig->join.table;
        const Process *parent = task_table_get_process(table, ppid);
        const Task *leader = task_table_get_leader(table, pid);
        uint32_t id = leader ? leader->ruid : 1u + fuzz_u8(&fuzz->input) % N_USERS;
        Task *task;
        Event event;

        if (!task_table_is_free(table, pid, tid))
                return;
        task = made_task(table, pid, tid, parent ? ppid : 0, ++fuzz->last_start);
        task->ruid = task->euid = task->rgid = task->egid = id;
        if (leader)
                task->flags |= leader->flags & (TASK_CREDENTIALS_CHANGED | TASK_NONDUMPABLE);
        if (parent && pid == tid)
                task_table_inherit(table, task->process, parent);
        run_task(fuzz, task, 1);
        event = event_of(fuzz, EVENT_FORK, task);
        publish(fuzz, &event);
}

/* Its record is there, or was lost. */
static void end_task(Fuzz *fuzz, Task *task) {
        TaskStats stats = made_stats_of(&fuzz->kernel, task->tid), *totals;
        Event event = event_of(fuzz, EVENT_EXIT, task);
        Process *process = task->process;

        stats.groups |= STATS_DELAYS;
        stats.ac_exitcode = 256;
        event.exit.wait_status = fuzz_u8(&fuzz->input) & 1;
        event.exit.process_ended = process->n_live == 1;
        event.exit.stats = event.exit.wait_status ? NULL : &stats;
        if (process->totals || process->n_live > 1) {
                totals = task_table_totals(&fuzz->rig->join.table, process);
                assert(totals);
                if (event.exit.stats)
                        task_stats_add(totals, event.exit.stats, event.tid == event.pid);
                else
                        ++totals->tasks_missing;
                event.exit.process_stats = event.exit.process_ended ? totals : NULL;
        }
        fuzz->kernel.run_ns[task->tid] = 0;
        publish(fuzz, &event);
        task_table_end_task(&fuzz->rig->join.table, task);
        if (event.exit.process_ended) {
                parents_note_end(&fuzz->rig->join.table, process);
                task_table_end_process(&fuzz->rig->join.table, process);
        }
}

static void exec_task(Fuzz *fuzz, Task *task) {
        static const char *const cgroups[] = { "/", "/a", "/a/b", "/ab" };
        Event event = event_of(fuzz, EVENT_EXEC, task);
        Program *program = made_program("cmd\0arg", "/bin/cmd", cgroups[event.cpu]);

        event.program = program;
        /* as its next event will find it */
        if (task->euid == task->ruid && task->egid == task->rgid)
                event.owner.claim = task->process->nondumpable ? OWNER_HIDDEN : OWNER_SHOWN;
        publish(fuzz, &event);
        task->flags &= (uint16_t)~(TASK_CREDENTIALS_CHANGED | TASK_NONDUMPABLE);
        task_table_set_program(&fuzz->rig->join.table, task->process, program);
}

static void change_task(Fuzz *fuzz, Task *task, uint8_t how) {
        Event event = event_of(fuzz, how & 1 ? EVENT_UID : EVENT_COMM, task);

        if (event.kind == EVENT_UID) {
                event.uid = event.credentials.real_id = event.owner.uid = 1 + (how >> 4) % N_USERS;
                event.owner.claim = OWNER_NONE;
        } else {
                memcpy(event.comm_change.old_comm, task->comm, sizeof(task->comm));
                snprintf(event.comm, sizeof(event.comm), "task-%u", how >> 4);
        }
        publish(fuzz, &event);
        if (event.kind == EVENT_UID) {
                task->ruid = event.uid;
                owner_note_ids(task);
        }
        memcpy(task->comm, event.comm, sizeof(task->comm));
}

static void happen(Fuzz *fuzz, uint8_t what) {
        uint32_t tid = 1 + fuzz_u8(&fuzz->input) % N_TASKS;
        Task *task = task_table_get(&fuzz->rig->join.table, tid);

        if (!task || task->flags & TASK_GONE) {
                uint32_t other = 1 + fuzz_u8(&fuzz->input) % N_TASKS;

                /* a thread of a process that lives, or a process of its own */
                if (what & 1 && task_table_get_process(&fuzz->rig->join.table, other))
                        make_task(fuzz, tid, other, 0);
                else
                        make_task(fuzz, tid, tid, other);
        } else if (what % 4 == 0) {
                end_task(fuzz, task);
        } else if (what % 4 == 1) {
                exec_task(fuzz, task);
        } else {
                change_task(fuzz, task, what);
        }
}

/* Runs all tasks, or the tasks with some numbers. */
static void run_tasks(Fuzz *fuzz, uint32_t tids) {
        for (uint32_t tid = 1; tid <= N_TASKS; ++tid) {
                const Task *task = task_table_get(&fuzz->rig->join.table, tid);

                if (task && (tids & 1u << tid % 8))
                        run_task(fuzz, task, 1 + tid);
        }
}

/* Enough that are forked and end, now and then, to drop a reader of samples that stalls off its feed's tail. */
static void storm(Fuzz *fuzz) {
        size_t n = fuzz_u8(&fuzz->input);
        FuzzInput input = fuzz->input;

        if (n >= 0xf0)
                n *= 48;
        fuzz->input = (FuzzInput){};
        for (size_t i = 0; i < n; ++i) {
                Task *task;

                make_task(fuzz, N_TASKS, N_TASKS, 1);
                task = task_table_get(&fuzz->rig->join.table, N_TASKS);
                if (task)
                        end_task(fuzz, task);
                if (i % 4096 == 4095)
                        rig_turn(fuzz->rig);
        }
        fuzz->input = input;
}

/* The kernel answers, or not; much at once, or little. */
static void sample(Fuzz *fuzz, uint8_t op) {
        FuzzInput *input = &fuzz->input;
        uint32_t tid;

        switch (op >> 4) {
        case 0:
                fuzz->kernel.source.n_max = 1 + fuzz_u8(input) % MADE_ASKED_MAX;
                break;
        case 1:
                tid = 1 + fuzz_u8(input) % N_TASKS;
                fuzz->kernel.lost[tid] = !fuzz->kernel.lost[tid];
                break;
        case 2:
                tid = 1 + fuzz_u8(input) % N_TASKS;
                fuzz->kernel.gone[tid] = !fuzz->kernel.gone[tid];
                break;
        case 3:
        case 4:
                run_tasks(fuzz, fuzz_u8(input));
                break;
        case 5:
                storm(fuzz);
                break;
        default:
                rig_sample(fuzz->rig);
                break;
        }
}

/* An event of a task whose fork the kernel did not report: nobody owns it. */
static void happen_unknown(Fuzz *fuzz, EventKind kind) {
        TaskStats stats = { .version = 16, .groups = STATS_IO | STATS_CPU, .read_bytes = LABEL_FOREIGN };
        Event event = {
                .kind = kind,
                .pid = N_TASKS + 1,
                .tid = N_TASKS + 1,
                .uid = 1 + fuzz_u8(&fuzz->input) % N_USERS,
                .task_unknown = true,
                .exit = { .stats = &stats, .process_ended = true, .wait_status = 256 },
        };

        if (kind == EVENT_UID)
                event.credentials.real_id = event.credentials.effective_id = event.uid;
        publish(fuzz, &event);
}

/* /proc shows all tasks to their owners, if all their ids belong to one user. */
static void recheck(Fuzz *fuzz) {
        for (uint32_t tid = 1; tid <= N_TASKS; ++tid) {
                Task *task = task_table_get(&fuzz->rig->join.table, tid);

                if (!task || task->euid != task->ruid || task->egid != task->rgid)
                        continue;
                owner_note_shown(task);
                run_task(fuzz, task, 0);
        }
}

/* The kernel does not report all: it has lost events, or somebody has silenced it. */
static void lose(Fuzz *fuzz, uint8_t how) {
        Event event = { .kind = EVENT_LOSS, .loss = { .count = 3, .source = LOSS_CONNECTOR, .reason = LOSS_OVERRUN } };

        switch (how) {
        case 1:
        case 2:
                event.loss.reason = LOSS_MUTED;
                event.loss.at_least = true;
                publish(fuzz, &event);
                task_table_mark_creds_stale(&fuzz->rig->join.table);
                break;
        case 3:
        case 4:
                recheck(fuzz);
                break;
        case 5:
                happen_unknown(fuzz, EVENT_EXIT);
                break;
        case 6:
                happen_unknown(fuzz, EVENT_UID);
                break;
        default:
                publish(fuzz, &event);
                break;
        }
}

/* Enough, now and then, to drop a reader that stalls off its feed's tail. */
static void flood(Fuzz *fuzz) {
        Event event = { .kind = EVENT_COREDUMP, .pid = 1, .tid = 1, .uid = 1, .comm = "task-1" };
        size_t n = fuzz_u8(&fuzz->input);

        if (n >= 0xf0)
                n *= 64;
        for (size_t i = 0; i < n; ++i) {
                publish(fuzz, &event);
                if (i % 1024 == 0)
                        rig_turn(fuzz->rig);
        }
}

/*
 * One step.
 */

/* Lets the clients' deadlines pass, because half a minute is too long for a real wait. */
static void pass_deadlines(const Fuzz *fuzz) {
        rig_pass_deadlines(fuzz->rig);
        rig_turn(fuzz->rig);
}

/* Connects a reader as one of the users, with a small socket buffer if @op says so. */
static void reader_open(Fuzz *fuzz, Reader *reader, uint8_t op) {
        uint32_t uid = (uint32_t)(reader - fuzz->readers) % (N_USERS + 1);
        const Credentials credentials = { .uid = uid, .gid = uid };

        *reader = (Reader){ .open = true, .uid = uid };
        reader->peer = peer_new_of(fuzz->rig, op & 0x80 ? 4608 : 0, &credentials);
        rig_turn(fuzz->rig);
}

static void reader_half_close(Fuzz *fuzz, Reader *reader) {
        if (fuzz_u8(&fuzz->input) & 1) {
                shutdown(reader->peer.fd, SHUT_WR);
        } else {
                shutdown(reader->peer.fd, SHUT_RD);
                reader->deaf = true;
        }
}

/* A step of one reader; @op is below N_READER_OPS. */
static void step_reader(Fuzz *fuzz, Reader *reader, uint8_t op) {
        switch (op) {
        case 0:
                ask_subscribe(fuzz, reader);
                break;
        case 1:
                ask_sample(fuzz, reader);
                break;
        case 2:
                ask(fuzz, reader);
                break;
        case 3:
                send_raw(fuzz, reader);
                break;
        case 4:
                send_frame(fuzz, reader);
                break;
        case 5:
                reader_receive(fuzz, reader, (size_t)fuzz_u8(&fuzz->input) * 256);
                break;
        case 6:
                reader_half_close(fuzz, reader);
                break;
        default:
                reader_close(reader);
                break;
        }
}

/* A step of the machine, the kernel or the clock. */
static void step_world(Fuzz *fuzz, uint8_t op) {
        switch (op & 15) {
        case 8:
                rig_age(fuzz->rig, 1 + fuzz_u8(&fuzz->input) % 20);
                if (op & 0x80)
                        pass_deadlines(fuzz);
                break;
        case 9:
                rig_read_programs(fuzz->rig);
                break;
        case 10:
                lose(fuzz, op >> 4);
                break;
        case 11:
                flood(fuzz);
                break;
        case 12:
                rig_turn(fuzz->rig);
                break;
        case 13:
                sample(fuzz, op);
                break;
        default:
                happen(fuzz, fuzz_u8(&fuzz->input));
                break;
        }
}

static void step(Fuzz *fuzz) {
        uint8_t op = fuzz_u8(&fuzz->input);
        Reader *reader = &fuzz->readers[(op >> 4) % N_PEERS];

        if ((op & 15) < N_READER_OPS) {
                if (!reader->open)
                        reader_open(fuzz, reader, op);
                step_reader(fuzz, reader, op & 15);
        } else {
                step_world(fuzz, op);
        }
        if (op & 1)
                rig_turn(fuzz->rig);
}

/*
 * The end.
 */

/* Readers that still read get all pending data, and an answer to each request. */
static void receive_all(Fuzz *fuzz) {
        size_t n;

        do {
                n = 0;
                rig_finish_sampling(fuzz->rig);
                for (size_t i = 0; i < N_PEERS; ++i)
                        n += reader_receive(fuzz, &fuzz->readers[i], SIZE_MAX);
        } while (n > 0);
        for (size_t i = 0; i < N_PEERS; ++i) {
                const Reader *reader = &fuzz->readers[i];

                if (reader->open && !reader->deaf && !reader->wrote_raw && !reader->peer.ended)
                        assert(!samples_has_questions(&reader->samples));
        }
}

/* Returns the run time of a live task or process; 0: it does not exist. */
static uint64_t run_of(const Fuzz *fuzz, uint32_t number, bool threads) {
        const TaskTable *table = &fuzz->rig->join.table;
        const Process *process = task_table_get_process(table, number);
        uint64_t run_ns = 0;

        if (threads)
                return task_table_get(table, number) ? fuzz->kernel.run_ns[number] : 0;
        if (!process)
                return 0;
        list_for_each(link, safe, &process->tasks)
                run_ns += fuzz->kernel.run_ns[container_of(link, Task, link)->tid];
        return run_ns + (process->totals ? process->totals->cpu_run_virtual_total_ns : 0);
}

/* Checks a full sample without concurrent events: it has all live tasks, with their exact run times. */
static void check_whole(Fuzz *fuzz, bool threads) {
        Reader *reader = &fuzz->readers[0];
        const Samples *samples;
        PB(SubscribeSamples) sample = TASKBROKER__V1__SUBSCRIBE_SAMPLES__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;

        *reader = (Reader){ .open = true };
        reader->peer = peer_new_of(fuzz->rig, 0, &(Credentials){});
        sample.interval_ms = LIMIT_SAMPLE_MS_MAX;
        sample.scope = threads ? TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_THREADS
                               : TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_PROCESSES;
        message.request_id = SAMPLE_ID(++fuzz->n_asked, 0, threads);
        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE_SAMPLES;
        message.subscribe_samples = &sample;
        send_message(fuzz, reader, &message);
        rig_turn(fuzz->rig);
        rig_sample(fuzz->rig);
        receive_all(fuzz);
        samples = &reader->streams[0].samples;
        assert(samples->n_complete > 0);
        for (uint32_t number = 1; number <= N_TASKS; ++number) {
                const SampledTask *task = &samples->tasks[number];
                uint64_t run_ns = run_of(fuzz, number, threads);

                /* a process has a sum even if records were lost */
                assert(!task->ended && !task->start_time_ns == !run_ns &&
                       (task->run_ns == run_ns || task->run_ns == 0));
        }
        reader_close(reader);
        rig_turn(fuzz->rig);
}

static void finish(Fuzz *fuzz) {
        BrokerStatus status;

        receive_all(fuzz);
        for (size_t i = 0; i < N_PEERS; ++i)
                reader_close(&fuzz->readers[i]);
        rig_turn(fuzz->rig);
        pass_deadlines(fuzz);
        rig_age(fuzz->rig, 2 * LIMIT_RESUME_SECONDS + 2);
        made_stats_be_honest(&fuzz->kernel);
        check_whole(fuzz, true);
        check_whole(fuzz, false);
        rig_expect_no_clients(fuzz->rig);
        status = rig_status(fuzz->rig);
        assert(status.feeds == 0 && status.sample_subscribers == 0);
        assert(fuzz->rig->sampler.feeds.n == 0);
        for (int kind = 0; kind < _QUOTA_HELD; ++kind)
                assert(rig_used(fuzz->rig, kind) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        static Fuzz fuzz;

        fuzz = (Fuzz){ .input = { data, data + n_data } };
        fuzz.rig = rig_new_sized(0);
        /* a slice of a snapshot has one task */
        fuzz.rig->hub.feeds.slice_steps = 1;
        made_stats_init(&fuzz.kernel, &fuzz.rig->join.table);
        rig_add_sampler(fuzz.rig, &fuzz.kernel.source);
        for (int n = 0; n < N_STEPS_MAX && fuzz_has_more(&fuzz.input); ++n)
                step(&fuzz);
        finish(&fuzz);
        rig_free(fuzz.rig);
        return 0;
}
