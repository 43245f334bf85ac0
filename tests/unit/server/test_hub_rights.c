/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Users of one broker: what each user receives of the same events, tasks and numbers. */

#include "tests/unit/hub_rig.h"

#define ME 1000u
#define GROUP 100u
#define MEMBER_GROUP 900u

static PB(EventKind) all_kinds[] = {
        TASKBROKER__V1__EVENT_KIND__EVENT_KIND_FORK,       TASKBROKER__V1__EVENT_KIND__EVENT_KIND_EXEC,
        TASKBROKER__V1__EVENT_KIND__EVENT_KIND_EXIT,       TASKBROKER__V1__EVENT_KIND__EVENT_KIND_COREDUMP,
        TASKBROKER__V1__EVENT_KIND__EVENT_KIND_UID_CHANGE,
};

static const Credentials me = { .uid = ME, .gid = GROUP };
static const Credentials third = { .uid = ME + 1, .gid = GROUP + 1 };

static Peer user_new(Rig *rig, const Credentials *credentials, Access access) {
        Peer peer = peer_new_of(rig, 0, credentials);
        PB(ServerMessage) *message = peer_expect_body(rig, &peer, WELCOME);

        assert((int)message->welcome->access == (int)access && message->welcome->uid == credentials->uid);
        message_free(message);
        return peer;
}

/* Subscribes to all that there is; its feed and its next number. */
static void ask(Rig *rig, Peer *peer, PB(Subscribe) *subscribe, uint64_t *ret_feed, uint64_t *ret_number) {
        PB(ServerMessage) *message;

        if (subscribe->n_kinds == 0) {
                subscribe->kinds = all_kinds;
                subscribe->n_kinds = ARRAY_SIZE(all_kinds);
        }
        subscribe->threads = true;
        peer_ask_for(peer, 1, subscribe);
        message = peer_expect_body(rig, peer, SUBSCRIBED);
        if (ret_feed)
                *ret_feed = message->subscribed->feed;
        if (ret_number)
                *ret_number = message->subscribed->next_number;
        message_free(message);
}

static Peer subscriber_new(Rig *rig, const Credentials *credentials, Access access, uint64_t *ret_feed) {
        Peer peer = user_new(rig, credentials, access);

        ask(rig, &peer, &(PB(Subscribe))TASKBROKER__V1__SUBSCRIBE__INIT, ret_feed, NULL);
        return peer;
}

static void publish(Rig *rig, EventKind kind, uint32_t pid, uint32_t uid, uint32_t gid, OwnerClaim claim) {
        Event event = {.kind = kind, .pid = pid, .tid = pid, .uid = uid, .comm = "task", .owner = {uid, gid, claim}};

        if (kind == EVENT_EXIT)
                event.exit.wait_status = 0x100;
        if (kind == EVENT_LOSS) {
                event.loss.count = 7;
                event.loss.source = LOSS_CONNECTOR;
        }
        rig_publish_event(rig, &event);
}

static void publish_own(Rig *rig, EventKind kind, uint32_t pid) {
        publish(rig, kind, pid, ME, GROUP, OWNER_SHOWN);
}

static void publish_root(Rig *rig, EventKind kind, uint32_t pid) {
        publish(rig, kind, pid, 0, 0, OWNER_SHOWN);
}

/* The events of the next batch: their processes, as many as there are; 0 ends them. Numbers run on. */
static PB(ServerMessage) *expect_batch(Rig *rig, Peer *peer, uint64_t number, const uint32_t *pids) {
        PB(ServerMessage) *message = peer_expect_body(rig, peer, EVENT_BATCH);
        size_t n = 0;

        assert(message->event_batch->first_number == number);
        for (; pids[n]; ++n)
                assert(n < message->event_batch->n_events && message->event_batch->events[n]->pid == pids[n]);
        assert(n == message->event_batch->n_events);
        return message;
}

#define PIDS(...) ((const uint32_t[]){ __VA_ARGS__, 0 })

/* Clients with equal rights share a feed; each client receives full reports of its own tasks. */
static void test_feeds(void) {
        Rig *rig = rig_new();
        uint64_t feeds[5];
        Peer peers[5];

        rig_policy(rig)->admin_group = MEMBER_GROUP;
        peers[0] = subscriber_new(rig, &(Credentials){}, ACCESS_ALL, &feeds[0]);
        peers[1] = subscriber_new(rig, &(Credentials){ .uid = 5, .gid = MEMBER_GROUP }, ACCESS_ALL, &feeds[1]);
        peers[2] = subscriber_new(rig, &me, ACCESS_OWN, &feeds[2]);
        peers[3] = subscriber_new(rig, &me, ACCESS_OWN, &feeds[3]);
        peers[4] = subscriber_new(rig, &third, ACCESS_OWN, &feeds[4]);
        assert(feeds[0] == feeds[1] && feeds[2] == feeds[3] && feeds[0] != feeds[2] && feeds[2] != feeds[4]);
        assert(rig_status(rig).feeds == 3);

        publish_own(rig, EVENT_EXIT, 50);
        publish_root(rig, EVENT_EXIT, 51);
        publish_root(rig, EVENT_COREDUMP, 52);
        publish(rig, EVENT_LOSS, 0, 0, 0, OWNER_NONE);
        for (size_t i = 0; i < ARRAY_SIZE(peers); ++i) {
                PB(ServerMessage) *message = peer_expect_body(rig, &peers[i], EVENT_BATCH);
                PB(Event) *const *events = message->event_batch->events;
                size_t n = message->event_batch->n_events;
                bool own = i < 4, all = i < 2;

                assert(message->event_batch->first_number == 1 && n == (all ? 4 : 3));
                assert(events[0]->pid == 50 && events[0]->restricted == !own && !!events[0]->exit->termination == own);
                assert(events[1]->pid == 51 && events[1]->restricted == !all && !!events[1]->exit->termination == all);
                assert(!all || events[2]->pid == 52);
                assert(events[n - 1]->loss->count == 7 && !events[n - 1]->restricted && !events[n - 1]->loss->at_least);
                message_free(message);
                peer_free(&peers[i]);
        }
        rig_free(rig);
}

/* A filter that asks what may not be known gets nothing; unless it may be. */
static void test_nonzero(void) {
        for (int shown = 0; shown < 2; ++shown) {
                PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
                PB(Subscribe) asked = TASKBROKER__V1__SUBSCRIBE__INIT;
                PB(ServerMessage) *message;
                Rig *rig = rig_new();
                Peer peer;

                rig_policy(rig)->shows_exit_status = shown;
                peer = user_new(rig, &me, ACCESS_OWN);
                filter.nonzero = true;
                asked.filter = &filter;
                ask(rig, &peer, &asked, NULL, NULL);
                publish_root(rig, EVENT_EXIT, 51);
                publish_own(rig, EVENT_EXIT, 50);
                publish(rig, EVENT_EXIT, 52, ME, GROUP, OWNER_HIDDEN);
                message = shown ? expect_batch(rig, &peer, 1, PIDS(51, 50, 52)) : expect_batch(rig, &peer, 1, PIDS(50));
                assert(!shown || message->event_batch->events[0]->exit->termination->exit_code == 1);
                message_free(message);
                peer_free(&peer);
                rig_free(rig);
        }
}

/* Hidden events take no number, and what changes hands comes in and leaves. */
static void test_hidden(void) {
        PB(EventKind) exits[] = { TASKBROKER__V1__EVENT_KIND__EVENT_KIND_EXIT };
        PB(Subscribe) asked = TASKBROKER__V1__SUBSCRIBE__INIT;
        PB(ServerMessage) *message;
        Rig *rig = rig_new();
        Peer peer;
        Task *task;

        rig_policy(rig)->hides = true;
        task = made_task(&rig->join.table, 60, 60, 1, 1);
        task->ruid = task->euid = ME;
        task->rgid = task->egid = GROUP;
        peer = user_new(rig, &me, ACCESS_OWN_ONLY);
        asked.kinds = exits;
        asked.n_kinds = 1;
        ask(rig, &peer, &asked, NULL, NULL);

        publish_root(rig, EVENT_EXIT, 51);
        publish_own(rig, EVENT_EXIT, 50);
        publish(rig, EVENT_EXIT, 52, ME, GROUP, OWNER_HIDDEN);
        publish(rig, EVENT_EXIT, 53, ME, GROUP, OWNER_NONE);
        publish(rig, EVENT_LOSS, 0, 0, 0, OWNER_NONE);
        publish_root(rig, EVENT_UID, 54);
        message = peer_expect_body(rig, &peer, EVENT_BATCH);
        assert(message->event_batch->first_number == 1 && message->event_batch->n_events == 3);
        assert(message->event_batch->events[0]->pid == 50 && !message->event_batch->events[0]->restricted);
        assert(message->event_batch->events[1]->pid == 52 && message->event_batch->events[1]->restricted);
        assert(message->event_batch->events[2]->loss->count == 0 && message->event_batch->events[2]->loss->at_least);
        message_free(message);

        /* the task was the client's own: reported once, though the client asked for exits only */
        publish(rig, EVENT_UID, 60, ME, GROUP, OWNER_NONE);
        message = expect_batch(rig, &peer, 4, PIDS(60));
        assert(message->event_batch->events[0]->left_filter && message->event_batch->events[0]->restricted);
        message_free(message);
        task->euid = 0;
        publish(rig, EVENT_EXEC, 60, ME, GROUP, OWNER_NONE);
        publish(rig, EVENT_EXIT, 60, ME, GROUP, OWNER_NONE);
        /* the task becomes the client's own again */
        publish(rig, EVENT_EXEC, 60, ME, GROUP, OWNER_HIDDEN);
        message = expect_batch(rig, &peer, 5, PIDS(60));
        assert(!message->event_batch->events[0]->left_filter && message->event_batch->events[0]->exec);
        message_free(message);
        peer_expect_nothing(rig, &peer);
        peer_free(&peer);
        rig_free(rig);
}

static void add_tasks(Rig *rig) {
        for (uint32_t pid = 60; pid < 63; ++pid) {
                Task *task = made_task(&rig->join.table, pid, pid, 1, 1);

                task->ruid = task->euid = pid == 60 ? ME : 0;
                task->rgid = task->egid = pid == 60 ? GROUP : 0;
        }
}

/* A snapshot has the tasks that the client may know; a hidden process is treated as a process that does not exist. */
static void test_snapshot_and_subtrees(void) {
        for (int hides = 0; hides < 2; ++hides) {
                uint32_t roots[] = { 61 }, nobody[] = { 4000 };
                PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
                PB(Subscribe) asked = TASKBROKER__V1__SUBSCRIBE__INIT;
                PB(ServerMessage) *there, *not_there;
                Rig *rig = rig_new();
                Peer peer;

                rig_policy(rig)->hides = hides;
                add_tasks(rig);
                peer = user_new(rig, &me, hides ? ACCESS_OWN_ONLY : ACCESS_OWN);
                filter.n_subtrees = 1;
                asked.filter = &filter;
                if (hides) {
                        filter.subtrees = roots;
                        peer_ask_for(&peer, 1, &asked);
                        there = peer_expect_body(rig, &peer, ERROR);
                        filter.subtrees = nobody;
                        peer_ask_for(&peer, 1, &asked);
                        not_there = peer_expect_body(rig, &peer, ERROR);
                        assert(there->error->code == not_there->error->code);
                        assert(strcmp(there->error->message, not_there->error->message) == 0);
                        message_free(there);
                        message_free(not_there);
                }
                asked = (PB(Subscribe))TASKBROKER__V1__SUBSCRIBE__INIT;
                asked.snapshot = true;
                ask(rig, &peer, &asked, NULL, NULL);
                there = peer_expect_body(rig, &peer, SNAPSHOT_PART);
                assert(there->snapshot_part->n_tasks == (hides ? 1 : 3) && there->snapshot_part->tasks[0]->pid == 60);
                message_free(there);
                there = peer_expect_body(rig, &peer, SNAPSHOT_END);
                assert(there->snapshot_end->task_count == (hides ? 1 : 3));
                message_free(there);
                peer_free(&peer);
                rig_free(rig);
        }
}

typedef struct Naming {
        EventKind shown_by;             /* the event with which the process becomes visible */
        bool threads, seeded, named;    /* named: the client knows the exact start, from before */
} Naming;

/*
 * A number of the filter belongs to a process that is hidden at first. It names that process
 * from the event on that shows it, by the start that all other events have, and no later owner.
 */
static void test_number_of_hidden(const Naming *row) {
        uint32_t pids[] = { 61 };
        uint64_t start = (uint64_t)clock_boot_epoch_ns() + 100 * NSEC_PER_SEC, starts[] = { 0 };
        PB(FilterStarts) named = TASKBROKER__V1__FILTER_STARTS__INIT;
        PB(Filter) filter = TASKBROKER__V1__FILTER__INIT;
        PB(Subscribe) asked = TASKBROKER__V1__SUBSCRIBE__INIT;
        PB(ServerMessage) *message;
        Rig *rig = rig_new();
        Task *task = made_task(&rig->join.table, 61, 61, 1, start);
        Event event = { .kind = row->shown_by, .pid = 61, .tid = 61, .uid = ME, .comm = "task",
                        .owner = { ME, GROUP, OWNER_SHOWN }, .process_start_ns = start, .start_time_ns = start };
        Peer peer;

        event.exit.process_ended = row->shown_by == EVENT_EXIT;
        task->flags |= row->seeded ? TASK_SEEDED : 0;
        rig_policy(rig)->hides = true;
        peer = user_new(rig, &me, ACCESS_OWN_ONLY);
        filter.pids = pids;
        filter.n_pids = 1;
        asked.filter = &filter;
        starts[0] = start - (uint64_t)clock_boot_epoch_ns() + (row->seeded ? 7 * NSEC_PER_MSEC : 0);
        named.pids = starts;
        named.n_pids = 1;
        asked.starts = row->named ? &named : NULL;
        asked.kinds = all_kinds;
        asked.n_kinds = ARRAY_SIZE(all_kinds);
        asked.threads = row->threads;
        peer_ask_for(&peer, 1, &asked);
        message = peer_expect_body(rig, &peer, SUBSCRIBED);
        /* nothing shows whether the process exists */
        assert(message->subscribed->starts->pids[0] == (row->named ? starts[0] : 0));
        message_free(message);

        publish_root(rig, EVENT_EXEC, 61);
        peer_expect_nothing(rig, &peer);
        rig_publish_event(rig, &event);
        task->ruid = task->euid = ME;
        task->rgid = task->egid = GROUP;
        if (!row->named || row->seeded) {
                message = peer_expect_body(rig, &peer, NAMED);
                assert(message->named->starts->pids[0] == start - (uint64_t)clock_boot_epoch_ns());
                message_free(message);
        }
        message_free(expect_batch(rig, &peer, 1, PIDS(61)));

        /* a later owner of the number is another process */
        task->flags &= (uint16_t)~TASK_SEEDED;
        task->start_time_ns = event.process_start_ns = event.start_time_ns = start + 20 * NSEC_PER_MSEC;
        rig_publish_event(rig, &event);
        peer_expect_nothing(rig, &peer);
        peer_free(&peer);
        rig_free(rig);
}

static void test_numbers_of_hidden(void) {
        static const EventKind kinds[] = { EVENT_UID, EVENT_EXEC, EVENT_EXIT };

        for (unsigned int i = 0; i < 8 * ARRAY_SIZE(kinds); ++i)
                test_number_of_hidden(&(Naming){
                        .shown_by = kinds[i / 8], .threads = i & 1, .seeded = i & 2, .named = i & 4 });
}

/* Somebody else's feed is refused like one that there is not. */
static void test_resume(void) {
        PB(Resume) resume = TASKBROKER__V1__RESUME__INIT;
        Rig *rig = rig_new();
        char said[3][512];
        uint64_t feeds[3] = { 0, 0, 4711 };
        Peer root = subscriber_new(rig, &(Credentials){}, ACCESS_ALL, &feeds[0]);
        Peer other = subscriber_new(rig, &third, ACCESS_OWN, &feeds[1]);
        Peer peer = user_new(rig, &me, ACCESS_OWN);

        resume.epoch = RIG_EPOCH;
        resume.next_number = 1;
        for (size_t i = 0; i < ARRAY_SIZE(feeds); ++i) {
                PB(Subscribe) asked = TASKBROKER__V1__SUBSCRIBE__INIT;
                PB(ServerMessage) *message;

                asked.kinds = all_kinds;
                asked.n_kinds = ARRAY_SIZE(all_kinds);
                asked.threads = true;
                asked.resume = &resume;
                resume.feed = feeds[i];
                peer_ask_for(&peer, 1, &asked);
                message = peer_expect_body(rig, &peer, ERROR);
                assert((int)message->error->code == ERROR_RESUME_IMPOSSIBLE && !message->error->closing);
                snprintf(said[i], sizeof(said[i]), "%s %s", message->error->field, message->error->message);
                message_free(message);
        }
        assert(strcmp(said[0], said[1]) == 0 && strcmp(said[1], said[2]) == 0);
        peer_free(&root);
        peer_free(&other);
        peer_free(&peer);
        rig_free(rig);
}

/* Only the administrator receives the counters of the machine and of other users. */
static void test_status(void) {
        for (int hides = 0; hides < 2; ++hides) {
                Rig *rig = rig_new();
                PB(ServerMessage) *message;
                const PB(BrokerStatus) * status;
                Peer root, peer;

                rig_policy(rig)->hides = hides;
                root = subscriber_new(rig, &(Credentials){}, ACCESS_ALL, NULL);
                peer = subscriber_new(rig, &me, hides ? ACCESS_OWN_ONLY : ACCESS_OWN, NULL);
                publish_root(rig, EVENT_FORK, 50);
                peer_ask_status(&peer, 3);
                message = peer_expect_body(rig, &peer, BROKER_STATUS);
                status = message->broker_status;
                assert(status->request_id == 3 && status->epoch == RIG_EPOCH);
                assert(status->connections == 1 && status->subscribers == 1);
                assert(!status->service && (status->machine == NULL) == hides);
                assert(hides || (status->machine->live_tasks == 11 && status->machine->foreign_acks == 12));
                message_free(message);
                peer_ask_status(&root, 4);
                do {
                        message = peer_take(&root);
                        if (!message) {
                                peer_receive_all(rig, &root);
                                message = peer_take(&root);
                        }
                        assert(message);
                        if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_BROKER_STATUS)
                                break;
                        message_free(message);
                } while (true);
                status = message->broker_status;
                assert(status->connections == 2 && status->service->feeds == 2 && status->service->program_bytes == 13);
                assert(status->machine->foreign_acks == 12);
                message_free(message);
                peer_free(&root);
                peer_free(&peer);
                rig_free(rig);
        }
}

/* Something else applies: root goes on, everybody else connects anew. */
static void test_change(void) {
        Rig *rig = rig_new();
        Peer root = subscriber_new(rig, &(Credentials){}, ACCESS_ALL, NULL);
        Peer peer = subscriber_new(rig, &me, ACCESS_OWN, NULL);
        Policy policy = *rig_policy(rig);

        policy.hides = true;
        hub_set_policy(&rig->hub, &policy);
        peer_expect_error(rig, &peer, ERROR_ACCESS_CHANGED, true);
        peer_expect_end(rig, &peer);
        peer_expect_nothing(rig, &root);
        peer_free(&peer);
        peer = user_new(rig, &me, ACCESS_OWN_ONLY);
        peer_free(&peer);
        peer_free(&root);
        rig_free(rig);
}

int main(void) {
        test_feeds();
        test_nonzero();
        test_hidden();
        test_snapshot_and_subtrees();
        test_numbers_of_hidden();
        test_resume();
        test_status();
        test_change();
        return 0;
}
