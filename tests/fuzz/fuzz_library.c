/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The client library against a hostile broker: any bytes, in pieces, at a client
 * that asks for things meanwhile; with the first byte odd, one that reconnects, to
 * a broker that is hostile again. The library must survive, and whatever it hands
 * out must be memory that can be read, with texts that end.
 *
 * An input is a list of steps: a byte, and for a piece its length (two bytes) and
 * the piece. An answer and a request about a stream have two bytes: ids and numbers of
 * streams are small, so that they often fit.
 */

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "taskbroker/taskbroker.h"

#include "tests/fuzz/fuzz_tree.h"
#include "tests/fuzz/fuzz.h"

typedef struct Fuzz Fuzz;

struct Fuzz {
        FuzzInput input;
        struct tb_client *client;
        struct tb_table *table; /* takes the messages of all streams, as a program that mixes them would do */
        int listener;           /* -1: the client does not reconnect */
        int broker;             /* its end of the connection; -1: none */
        bool ended;
};

/* In the C library's place: a client that waits before it connects again need not do so here. */
int timerfd_settime(int fd, int flags, const struct itimerspec *timer, struct itimerspec *old) {
        const struct itimerspec at_once = { .it_value.tv_nsec = 1 };

        (void)timer;
        return (int)syscall(SYS_timerfd_settime, fd, flags, &at_once, old);
}

static void touch_program(const struct tb_program *program) {
        if (!program)
                return;
        fuzz_touch(program->cmdline, program->n_cmdline + 1);
        fuzz_touch(program->exe, program->n_exe + 1);
        fuzz_touch(program->cgroup, program->n_cgroup + 1);
        assert(!program->cmdline[program->n_cmdline] && !program->exe[program->n_exe] &&
               !program->cgroup[program->n_cgroup]);
}

static void touch_comm(const char comm[static TB_COMM_SIZE]) {
        assert(memchr(comm, 0, TB_COMM_SIZE));
}

static void touch_event(const struct tb_event *event) {
        fuzz_touch(event, sizeof(*event));
        touch_comm(event->comm);
        assert(tb_kind_name(event->kind));
        switch (event->kind) {
        case TB_KIND_EXEC:
                touch_program(event->exec.program);
                break;
        case TB_KIND_EXIT:
                touch_program(event->exit.program);
                if (event->exit.stats)
                        fuzz_touch(event->exit.stats, sizeof(*event->exit.stats));
                if (event->exit.process_stats)
                        fuzz_touch(event->exit.process_stats, sizeof(*event->exit.process_stats));
                break;
        case TB_KIND_COMM:
                touch_comm(event->comm_change.old_comm);
                break;
        case TB_KIND_LOSS:
                fuzz_touch_text(tb_loss_source_name(event->loss.source));
                fuzz_touch_text(tb_loss_reason_name(event->loss.reason));
                break;
        default:
                break;
        }
}

static void touch_welcome(const struct tb_welcome *welcome) {
        fuzz_touch_text(welcome->broker_version);
        fuzz_touch_text(welcome->kernel_release);
        for (size_t i = 0; i < welcome->n_features; ++i)
                fuzz_touch_text(welcome->features[i]);
}

static void touch_message(const struct tb_message *message) {
        switch (message->type) {
        case TB_MESSAGE_WELCOME:
                touch_welcome(message->welcome);
                break;
        case TB_MESSAGE_EVENT:
                touch_event(message->event);
                break;
        case TB_MESSAGE_STATUS:
                fuzz_touch(message->status, sizeof(*message->status));
                fuzz_touch_text(message->status->broker_version);
                fuzz_touch_text(message->status->kernel_release);
                break;
        case TB_MESSAGE_ERROR:
                fuzz_touch_text(message->error->message);
                fuzz_touch_text(message->error->field);
                break;
        case TB_MESSAGE_TASK:
                fuzz_touch(message->task, sizeof(*message->task));
                touch_comm(message->task->comm);
                touch_program(message->task->program);
                break;
        case TB_MESSAGE_SNAPSHOT_END:
                fuzz_touch(message->snapshot_end, sizeof(*message->snapshot_end));
                break;
        case TB_MESSAGE_LINK:
                fuzz_touch_text(message->link->reason);
                break;
        case TB_MESSAGE_TASK_SAMPLE:
                fuzz_touch(message->task_sample, sizeof(*message->task_sample));
                touch_comm(message->task_sample->comm);
                if (message->task_sample->stats)
                        fuzz_touch(message->task_sample->stats, sizeof(*message->task_sample->stats));
                break;
        case TB_MESSAGE_SAMPLE:
                fuzz_touch(message->sample, sizeof(*message->sample));
                break;
        case TB_MESSAGE_SUBSCRIBED:
                fuzz_touch(message->subscribed, sizeof(*message->subscribed));
                break;
        case TB_MESSAGE_RESTARTED:
                fuzz_touch(message->restarted, sizeof(*message->restarted));
                break;
        default:
                break;
        }
}

static void touch_table(const struct tb_table *table) {
        const struct tb_process *process = NULL;
        size_t n = 0;

        while ((process = tb_table_next(table, process))) {
                fuzz_touch(process, sizeof(*process));
                touch_comm(process->comm);
                touch_program(process->program);
                assert(tb_table_find(table, process->pid) == process);
                ++n;
        }
        assert(n == tb_table_count(table));
}

static void take_all(Fuzz *fuzz) {
        const struct tb_message *message;
        int r;

        while ((r = tb_next(fuzz->client, &message)) > 0) {
                touch_message(message);
                assert(tb_table_apply(fuzz->table, message) == 0);
        }
        touch_table(fuzz->table);
        if (r < 0)
                fuzz->ended = true;
        fuzz_touch_text(tb_error_text(fuzz->client));
        if (tb_client_welcome(fuzz->client))
                touch_welcome(tb_client_welcome(fuzz->client));
}

static void turn(Fuzz *fuzz) {
        if (tb_process(fuzz->client) < 0)
                fuzz->ended = true;
        take_all(fuzz);
        assert(tb_fd(fuzz->client) >= 0);
}

/* The broker's end: what the client asks is not looked at, so that it can ask for ever. */
static void drain(const Fuzz *fuzz) {
        uint8_t sink[4096];

        while (fuzz->broker >= 0 && recv(fuzz->broker, sink, sizeof(sink), MSG_DONTWAIT) > 0)
                ;
}

static void send_piece(Fuzz *fuzz) {
        size_t n;
        const uint8_t *piece = fuzz_take(&fuzz->input, fuzz_u16(&fuzz->input), &n);

        if (fuzz->broker >= 0)
                (void)!send(fuzz->broker, piece, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void hang_up(Fuzz *fuzz) {
        if (fuzz->broker >= 0)
                close(fuzz->broker);
        fuzz->broker = -1;
}

static void let_in(Fuzz *fuzz) {
        if (fuzz->listener < 0 || fuzz->broker >= 0)
                return;
        for (int i = 0; i < 4 && fuzz->broker < 0; ++i) {
                turn(fuzz);
                fuzz->broker = accept4(fuzz->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        }
}

static void subscribe(Fuzz *fuzz, uint8_t how) {
        static const uint32_t numbers[] = { 1, 2, 3 };
        static const char *const comms[] = { "a*", "b" };
        static const char *const cgroups[] = { "/a" };
        struct tb_subscription subscription = {
                .threads = how & 0x10,
                .snapshot = how & 0x20,
                .programs = how & 0x40,
        };

        if (how & 0x80)
                subscription.filter = (struct tb_filter){
                        .pids = numbers,
                        .n_pids = 3,
                        .comms = comms,
                        .n_comms = 2,
                        .cgroups = cgroups,
                        .n_cgroups = 1,
                        .cpus = "0-3",
                };
        (void)tb_subscribe(fuzz->client, &subscription, NULL);
}

static void ask(Fuzz *fuzz, uint8_t how) {
        static const uint32_t numbers[TB_STATS_MAX] = { 1, 2, 3 };
        const struct tb_sampling sampling = { .interval_ms = 1000,
                                              .groups = how & 0x80 ? TB_STATS_BIT(TB_STATS_IO) : 0 };

        if (how & 0x10)
                (void)tb_request_stats(fuzz->client, numbers, 3, numbers, TB_STATS_MAX - 3, NULL);
        else if (how & 0x20)
                (void)tb_sample(fuzz->client, &sampling, NULL);
        else
                (void)tb_request_status(fuzz->client, NULL);
}

/* A frame about a stream: it begins, begins anew, ends, or is refused. */
static void answer(Fuzz *fuzz, uint8_t how) {
        static const uint8_t members[] = { 4, 9, 14, 13, 3, 7 };
        const uint8_t numbers = fuzz_u8(&fuzz->input);
        const uint8_t frame[] = {
                6,
                15 << 3, numbers & 0xf,
                (uint8_t)(members[(how >> 4) % sizeof(members)] << 3 | 2), 2,
                1 << 3, numbers >> 4,
        };

        if (fuzz->broker >= 0)
                (void)!send(fuzz->broker, frame, sizeof(frame), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void change(Fuzz *fuzz, uint8_t how) {
        static const uint32_t numbers[] = { 4, 5 };
        const struct tb_filter filter = { .pids = numbers, .n_pids = 2 };
        const uint32_t stream = fuzz_u8(&fuzz->input) & 0xf;

        if (how & 0x10)
                (void)tb_unsubscribe(fuzz->client, stream, NULL);
        else if (how & 0x20)
                (void)tb_get_snapshot(fuzz->client, stream, NULL);
        else
                (void)tb_change_filter(fuzz->client, stream, how & 0x80 ? &filter : NULL, NULL);
}

static void step(Fuzz *fuzz) {
        uint8_t op = fuzz_u8(&fuzz->input);

        switch (op & 7) {
        case 0:
                hang_up(fuzz);
                break;
        case 1:
                subscribe(fuzz, op);
                break;
        case 2:
                ask(fuzz, op);
                break;
        case 3:
                let_in(fuzz);
                break;
        case 4:
                drain(fuzz);
                break;
        case 6:
                change(fuzz, op);
                break;
        case 7:
                answer(fuzz, op);
                break;
        default:
                send_piece(fuzz);
                break;
        }
        turn(fuzz);
}

static void begin_reconnecting(Fuzz *fuzz) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", fuzz_tree()->path);
        unlink(address.sun_path);
        fuzz->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(fuzz->listener >= 0);
        assert(bind(fuzz->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
        assert(listen(fuzz->listener, 8) == 0);
        assert(tb_connect(address.sun_path, &fuzz->client) == 0);
        assert(tb_set_reconnect(fuzz->client) == 0);
        fuzz->broker = accept4(fuzz->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        assert(fuzz->broker >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        Fuzz fuzz = { .input = { data, data + n_data }, .listener = -1, .broker = -1 };

        assert(tb_table_new(&fuzz.table) == 0);
        if (fuzz_u8(&fuzz.input) & 1) {
                begin_reconnecting(&fuzz);
        } else {
                int fds[2];

                assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
                assert(tb_connect_fd(fds[0], &fuzz.client) == 0);
                fuzz.broker = fds[1];
        }
        while (fuzz_has_more(&fuzz.input) && !fuzz.ended)
                step(&fuzz);
        hang_up(&fuzz);
        turn(&fuzz);
        turn(&fuzz);

        tb_close(fuzz.client);
        tb_table_free(fuzz.table);
        if (fuzz.listener >= 0)
                close(fuzz.listener);
        return 0;
}
