/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A hub with real clients and feeds in memory, driven by the input: bytes and
 * requests, right or wrong, in pieces; subscriptions with filters, snapshots and
 * places to go on from, of this hub's feeds or of none; tasks that are born, change
 * and end; seconds that pass; readers that read, stall, half-close and vanish.
 *
 * Some readers are root's, others of users who own some of the tasks.
 *
 * Whatever happens, each reader gets whole frames, its numbers have no gap that was
 * not told, nobody gets what is another's, and at the end all memory is back.
 */

#define PEER_BYTES_MAX (256u * 1024u)

#include "broker/tasks/owner.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/hub-rig.h"

enum { N_PEERS = 5, N_USERS = 3, N_TASKS = 24, N_STEPS_MAX = 400 };

typedef struct Fuzz Fuzz;
typedef struct Reader Reader;

/* A peer, and what it must get next. */
struct Reader {
        Peer peer;
        bool open;
        uint32_t uid;
        bool wrote_raw;         /* bytes of no known meaning: its replies are not foretold */
        bool subscribed;
        bool in_snapshot;
        uint64_t next;          /* number of the next event */
        uint64_t n_tasks;       /* of the snapshot */
        uint64_t feed;
};

struct Fuzz {
        Rig *rig;
        FuzzInput input;
        Reader readers[N_PEERS];
        uint64_t last_feed, last_number;        /* what somebody was told, to resume with */
};

/*
 * What comes out.
 */

static void check_stats_public(const PB(TaskStats) *stats) {
        if (!stats)
                return;
        assert(!stats->io && !stats->executable && !stats->exit_status && !stats->memory_integrals);
        assert(!stats->delays || !stats->delays->blkio);
}

/* Of somebody else's task: what /proc tells everyone. */
static void check_public(const Reader *reader, const PB(Event) *event) {
        if (reader->uid == 0 || event->uid == reader->uid || event->what_case == TASKBROKER__V1__EVENT__WHAT_LOSS)
                return;
        assert(event->restricted);
        assert(event->what_case != TASKBROKER__V1__EVENT__WHAT_COREDUMP);
        if (event->what_case == TASKBROKER__V1__EVENT__WHAT_EXEC && event->exec->program)
                assert(event->exec->program->exe.len == 0);
        if (event->what_case != TASKBROKER__V1__EVENT__WHAT_EXIT)
                return;
        assert(!event->exit->termination && !event->exit->process_termination);
        check_stats_public(event->exit->stats);
        check_stats_public(event->exit->process_stats);
        if (event->exit->program)
                assert(event->exit->program->exe.len == 0);
}

static void reader_check_batch(Reader *reader, const PB(EventBatch) *batch) {
        assert(reader->subscribed && !reader->in_snapshot);
        assert(batch->n_events > 0 && batch->first_number == reader->next);
        for (size_t i = 0; i < batch->n_events; ++i) {
                const PB(Event) *event = batch->events[i];

                assert(event->what_case != TASKBROKER__V1__EVENT__WHAT__NOT_SET);
                check_public(reader, event);
                if (event->what_case == TASKBROKER__V1__EVENT__WHAT_LOSS &&
                    event->loss->source == TASKBROKER__V1__LOSS_SOURCE__LOSS_SOURCE_READER)
                        reader->next += event->loss->count;
                else
                        ++reader->next;
        }
}

static void reader_check(Fuzz *fuzz, Reader *reader, const PB(ServerMessage) *message) {
        switch (message->body_case) {
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH:
                reader_check_batch(reader, message->event_batch);
                fuzz->last_number = reader->next;
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED:
                assert(!reader->subscribed);
                reader->subscribed = true;
                reader->next = message->subscribed->next_number;
                reader->feed = message->subscribed->feed;
                fuzz->last_feed = reader->feed;
                fuzz->last_number = reader->next;
                assert(reader->next > 0 && reader->feed > 0);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_PART:
                assert(reader->subscribed);
                reader->in_snapshot = true;
                reader->n_tasks += message->snapshot_part->n_tasks;
                assert(reader->n_tasks <= N_TASKS);
                for (size_t i = 0; i < message->snapshot_part->n_tasks; ++i) {
                        const PB(Task) *task = message->snapshot_part->tasks[i];

                        if (reader->uid > 0 && task->uid != reader->uid && task->program)
                                assert(task->program->exe.len == 0);
                }
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_END:
                assert(reader->subscribed);
                reader->in_snapshot = false;
                assert(message->snapshot_end->tasks == reader->n_tasks);
                assert(message->snapshot_end->number + 1 == reader->next);
                break;
        case TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR:
                assert(message->error->code > 0 && *message->error->message);
                break;
        default:
                assert(message->body_case != TASKBROKER__V1__SERVER_MESSAGE__BODY__NOT_SET);
                break;
        }
}

static void reader_receive(Fuzz *fuzz, Reader *reader, size_t n_max) {
        PB(ServerMessage) *message;

        while (reader->open && n_max > 0) {
                size_t n = peer_receive(&reader->peer, MIN(n_max, (size_t)64 * 1024));

                while ((message = peer_take(&reader->peer))) {
                        reader_check(fuzz, reader, message);
                        message_free(message);
                }
                memmove(reader->peer.bytes, reader->peer.bytes + reader->peer.n_taken, reader->peer.n - reader->peer.n_taken);
                reader->peer.n -= reader->peer.n_taken;
                reader->peer.n_taken = 0;
                if (n == 0)
                        break;
                n_max -= MIN(n_max, n);
        }
}

static void reader_close(Reader *reader) {
        if (reader->open)
                peer_free(&reader->peer);
        *reader = (Reader){};
}

/* It may have ended already: then nothing is sent. */
static void reader_send(const Reader *reader, const void *data, size_t n) {
        if (reader->open)
                (void)!send(reader->peer.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * What goes in.
 */

static void send_message(Fuzz *fuzz, const Reader *reader, const PB(ClientMessage) *message) {
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

static void ask_status(Fuzz *fuzz, const Reader *reader) {
        PB(GetStatus) get_status = TASKBROKER__V1__GET_STATUS__INIT;
        PB(ClientMessage) message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;

        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_GET_STATUS;
        message.get_status = &get_status;
        send_message(fuzz, reader, &message);
}

static void ask_subscribe(Fuzz *fuzz, const Reader *reader) {
        static const char *const comms[] = { "task-*", "task-[1-3]", "?*", "x" };
        static const char *const cgroups[] = { "/", "/a", "/a/b", "/c/" };
        FuzzInput *input = &fuzz->input;
        uint32_t kinds = fuzz_u16(input), what = fuzz_u16(input), numbers[2] = { fuzz_u8(input) % N_TASKS, 1 + what % N_TASKS };
        PB(EventKind) kinds_listed[_EVENT_KIND_N];
        ProtobufCBinaryData comm, cgroup;
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

static void send_raw(Fuzz *fuzz, const Reader *reader) {
        size_t n;
        const uint8_t *data = fuzz_take(&fuzz->input, fuzz_u8(&fuzz->input), &n);

        reader_send(reader, data, n);
}

/* A frame whose message is the input's. */
static void send_frame(Fuzz *fuzz, const Reader *reader) {
        uint8_t prefix[FRAME_PREFIX_MAX];
        size_t n;
        const uint8_t *data = fuzz_take(&fuzz->input, fuzz_u8(&fuzz->input), &n);

        reader_send(reader, prefix, frame_prefix(prefix, (uint32_t)n));
        reader_send(reader, data, n);
}

/*
 * What happens on the machine, told as the join tells it: the table has what was
 * before, the event what is after.
 */

static Event event_of(Fuzz *fuzz, EventKind kind, const Task *task) {
        Event event = {
                .kind = kind,
                .cpu = fuzz_u8(&fuzz->input) & 3,
                .time_ns = 1000,
                .pid = task->process->pid,
                .tid = task->tid,
                .ppid = task->process->ppid,
                .uid = task->ruid,
                .start_time_ns = task->start_time_ns,
                .task_unknown = task->flags & TASK_UNKNOWN,
                .program = task->process->program,
                .marks = task->process->marks,
                .owner = task_owner(task),
        };

        memcpy(event.comm, task->comm, sizeof(event.comm));
        return event;
}

static void publish(Fuzz *fuzz, const Event *event) {
        hub_publish(&fuzz->rig->hub, event, 5);
}

static void make_task(Fuzz *fuzz, uint32_t tid, uint32_t pid, uint32_t ppid) {
        TaskTable *table = &fuzz->rig->table;
        const Process *parent = task_table_get_process(table, ppid);
        Task *task;
        Event event;

        if (!task_table_is_free(table, pid, tid))
                return;
        task = made_task(table, pid, tid, parent ? ppid : 0, tid);
        task->ruid = task->euid = task->rgid = task->egid = 1 + fuzz_u8(&fuzz->input) % N_USERS;
        if (parent && pid == tid)
                task_table_inherit(table, task->process, parent);
        event = event_of(fuzz, EVENT_FORK, task);
        publish(fuzz, &event);
}

static void end_task(Fuzz *fuzz, Task *task) {
        static const TaskStats stats = { .groups = STATS_CPU | STATS_IO | STATS_EXIT_STATUS | STATS_DELAYS, .version = 16, .read_bytes = 7, .ac_exitcode = 256 };
        Event event = event_of(fuzz, EVENT_EXIT, task);
        Process *process = task->process;

        event.exit.wait_status = fuzz_u8(&fuzz->input) & 1;
        event.exit.process_ended = process->n_live == 1;
        event.exit.stats = event.exit.wait_status ? NULL : &stats;
        publish(fuzz, &event);
        task_table_end_task(&fuzz->rig->table, task);
        if (event.exit.process_ended)
                task_table_end_process(&fuzz->rig->table, process);
}

static void exec_task(Fuzz *fuzz, Task *task) {
        static const char *const cgroups[] = { "/", "/a", "/a/b", "/ab" };
        Event event = event_of(fuzz, EVENT_EXEC, task);
        Program *program = made_program("cmd\0arg", "/bin/cmd", cgroups[event.cpu]);

        event.program = program;
        /* as its next event will find it */
        if (task->euid == task->ruid && task->egid == task->rgid)
                event.owner.claim = task->process->tainted ? OWNER_NOW : OWNER_EVER;
        publish(fuzz, &event);
        task->flags &= (uint8_t)~TASK_CREDENTIALS_CHANGED;
        task_table_set_program(&fuzz->rig->table, task->process, program);
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
                task->flags |= TASK_CREDENTIALS_CHANGED;
                task->process->tainted = true;
        }
        memcpy(task->comm, event.comm, sizeof(task->comm));
}

static void happen(Fuzz *fuzz, uint8_t what) {
        uint32_t tid = 1 + fuzz_u8(&fuzz->input) % N_TASKS;
        Task *task = task_table_get(&fuzz->rig->table, tid);

        if (!task || task->flags & TASK_GONE) {
                uint32_t other = 1 + fuzz_u8(&fuzz->input) % N_TASKS;

                /* a thread of a process that lives, or a process of its own */
                if (what & 1 && task_table_get_process(&fuzz->rig->table, other))
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

static void lose(Fuzz *fuzz) {
        Event event = { .kind = EVENT_LOSS, .loss = { .count = 3, .source = LOSS_CONNECTOR, .reason = LOSS_OVERRUN } };

        publish(fuzz, &event);
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

/* What a client's deadlines are for has come, or not: half a minute is too long to wait for. */
static void pass_deadlines(const Fuzz *fuzz) {
        list_for_each(link, safe, &fuzz->rig->hub.clients) {
                Client *client = container_of(link, Client, link);

                if (ev_is_active(&client->deadline))
                        ev_feed_event(fuzz->rig->loop, &client->deadline, EV_TIMER);
        }
        rig_turn(fuzz->rig);
}

static void step(Fuzz *fuzz) {
        uint8_t op = fuzz_u8(&fuzz->input);
        Reader *reader = &fuzz->readers[(op >> 4) % N_PEERS];

        if (!reader->open && (op & 15) < 8) {
                uint32_t uid = (uint32_t)(reader - fuzz->readers) % (N_USERS + 1);
                const Principal principal = { .uid = uid, .gid = uid };

                *reader = (Reader){ .open = true, .uid = uid };
                reader->peer = peer_new_of(fuzz->rig, op & 1 ? 4608 : 0, &principal);
                rig_turn(fuzz->rig);
        }
        switch (op & 15) {
        case 0:
        case 1:
                ask_subscribe(fuzz, reader);
                break;
        case 2:
                ask_status(fuzz, reader);
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
                shutdown(reader->peer.fd, fuzz_u8(&fuzz->input) & 1 ? SHUT_WR : SHUT_RD);
                break;
        case 7:
                reader_close(reader);
                break;
        case 8:
                rig_age(fuzz->rig, 1 + fuzz_u8(&fuzz->input) % 20);
                if (op & 0x80)
                        pass_deadlines(fuzz);
                break;
        case 9:
                rig_read_programs(fuzz->rig);
                break;
        case 10:
                lose(fuzz);
                break;
        case 11:
                flood(fuzz);
                break;
        case 12:
                rig_turn(fuzz->rig);
                break;
        default:
                happen(fuzz, op);
                break;
        }
        if (op & 1)
                rig_turn(fuzz->rig);
}

/* Who still reads gets all that there is. */
static void finish(Fuzz *fuzz) {
        for (int round = 0; round < 8; ++round) {
                rig_turn(fuzz->rig);
                for (size_t i = 0; i < N_PEERS; ++i)
                        reader_receive(fuzz, &fuzz->readers[i], SIZE_MAX);
        }
        for (size_t i = 0; i < N_PEERS; ++i)
                reader_close(&fuzz->readers[i]);
        rig_turn(fuzz->rig);
        pass_deadlines(fuzz);
        rig_age(fuzz->rig, 2 * LIMIT_RESUME_SECONDS + 2);
        assert(fuzz->rig->hub.n_subscribers == 0 && fuzz->rig->hub.n_waiting == 0);
        assert(fuzz->rig->hub.feeds.n == 0 && fuzz->rig->hub.feeds.n_snapshot_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        Fuzz fuzz = { .input = { data, data + n_data } };

        fuzz.rig = rig_new_sized(0);
        for (int n = 0; n < N_STEPS_MAX && fuzz_has_more(&fuzz.input); ++n)
                step(&fuzz);
        finish(&fuzz);
        rig_free(fuzz.rig);
        return 0;
}
