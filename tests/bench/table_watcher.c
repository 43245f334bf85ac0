/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/taskbroker/v1/broker.pb-c.h"
#include "tests/bench/report.h"
#include "tests/bench/subscriber.h"
#include "tests/bench/table_watcher.h"

/* How long an event may be under way, until it counts as missing. */
#define MISSING_NS (20 * 1000000000ull)

int watch_init(Watch *watch) {
        *watch = (Watch){};
        crew_init(&watch->watcher);
        crew_init(&watch->forker);
        watch->share = mmap(NULL, sizeof(*watch->share), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return watch->share == MAP_FAILED ? -1 : 0;
}

static int watcher_subscribe(int fd) {
        Taskbroker__V1__ClientMessage message = TASKBROKER__V1__CLIENT_MESSAGE__INIT;
        Taskbroker__V1__Subscribe subscribe = TASKBROKER__V1__SUBSCRIBE__INIT;
        uint8_t packed[64];

        message.body_case = TASKBROKER__V1__CLIENT_MESSAGE__BODY_SUBSCRIBE;
        message.subscribe = &subscribe;
        return stream_send(fd, packed, taskbroker__v1__client_message__pack(&message, packed));
}

static void batch_take(const WatcherShare *share, CrewSlot *slot, const Taskbroker__V1__EventBatch *batch,
                       uint64_t now) {
        for (size_t i = 0; i < batch->n_events; ++i) {
                const Taskbroker__V1__Event *event = batch->events[i];
                uint64_t n = slot->events;

                if (event->kind_case == TASKBROKER__V1__EVENT__KIND_LOSS)
                        slot->lost += event->loss->count;
                if (event->kind_case != TASKBROKER__V1__EVENT__KIND_FORK || event->ppid != (uint32_t)share->forker ||
                    n == WATCHER_DELAYS_MAX)
                        continue;
                ((WatcherShare *)share)->delays_ns[n] = now - (event->time_ns - (uint64_t)batch->realtime_offset_ns);
                __atomic_store_n(&slot->events, n + 1, __ATOMIC_RELEASE);
        }
}

/* Whether the subscription stands now, or -1. */
static int message_take(Watch *watch, CrewSlot *slot, const uint8_t *data, size_t n_data, uint64_t now) {
        Taskbroker__V1__ServerMessage *message = taskbroker__v1__server_message__unpack(NULL, n_data, data);
        int r = 0;

        if (!message)
                return -1;
        if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_EVENT_BATCH)
                batch_take(watch->share, slot, message->event_batch, now);
        else if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SUBSCRIBED)
                r = 1;
        else if (message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_ERROR)
                r = -1;
        taskbroker__v1__server_message__free_unpacked(message, NULL);
        return r;
}

/* Runs until SIGTERM. */
static int watcher_main(void *userdata, CrewSeat *seat) {
        static uint8_t buffer[2 * (FRAME_MAX_FROM_BROKER + FRAME_PREFIX_MAX)];
        Watch *watch = userdata;
        size_t n_buffer = 0;
        int fd = stream_connect(watch->path);

        if (fd < 0 || watcher_subscribe(fd) < 0)
                return 1;
        /* It shall see when the broker sends, not when a busy machine finds a processor for it. */
        (void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
        for (;;) {
                ssize_t l = read(fd, buffer + n_buffer, sizeof(buffer) - n_buffer);
                uint64_t now = now_ns();
                size_t done = 0;

                if (l < 0 && errno == EINTR)
                        continue;
                if (l <= 0)
                        return 1;
                n_buffer += (size_t)l;
                for (;;) {
                        size_t n_prefix, n_message;
                        int r = frame_parse(buffer + done, n_buffer - done, FRAME_MAX_FROM_BROKER, &n_prefix,
                                            &n_message);

                        if (r == FRAME_E_PARTIAL)
                                break;
                        if (!r)
                                r = message_take(watch, seat->slot, buffer + done + n_prefix, n_message, now);
                        if (r < 0)
                                return 1;
                        if (r > 0)
                                crew_ready(seat);
                        done += n_prefix + n_message;
                }
                memmove(buffer, buffer + done, n_buffer - done);
                n_buffer -= done;
        }
}

int watch_start(Watch *watch, const char *path, uint64_t interval_ns) {
        watch->path = path;
        watch->forker_options.interval_ns = interval_ns;
        watch->share->forker = 0;
        if (crew_start(&watch->watcher, 1, watcher_main, watch) < 0)
                return -1;
        crew_go(&watch->watcher);
        if (crew_start(&watch->forker, 1, forker_main, &watch->forker_options) < 0)
                return -1;
        watch->share->forker = watch->forker.pids[0];
        crew_go(&watch->forker);
        return 0;
}

/* Waits until every fork that was made has come, and says how many those are. */
static int watch_await(Watch *watch, size_t *ret_n) {
        const struct timespec pause = { .tv_nsec = 2000000 };
        uint64_t n_forks = __atomic_load_n(&watch->forker.slots->operations, __ATOMIC_RELAXED), begin = now_ns();

        for (;;) {
                uint64_t n = __atomic_load_n(&watch->watcher.slots->events, __ATOMIC_ACQUIRE);

                if (n >= n_forks) {
                        *ret_n = n;
                        return 0;
                }
                if (now_ns() - begin > MISSING_NS)
                        break;
                nanosleep(&pause, NULL);
        }
        fprintf(stderr, "bench-table: of %lu forks a subscriber received %lu\n", n_forks,
                watch->watcher.slots->events);
        return -1;
}

int watch_begin(Watch *watch) {
        return watch_await(watch, &watch->n_begin);
}

/* Reports the forks and their delays since watch_begin(). */
int watch_end(Watch *watch, WatchResult *ret) {
        static double values[WATCHER_DELAYS_MAX];
        size_t n_end;

        if (watch_await(watch, &n_end) < 0 || n_end == watch->n_begin)
                return -1;
        for (size_t i = watch->n_begin; i < n_end; ++i)
                values[i - watch->n_begin] = (double)watch->share->delays_ns[i];
        ret->n = n_end - watch->n_begin;
        ret->median_ns = median(values, ret->n);
        ret->max_ns = values[ret->n - 1];
        return 0;
}

int watch_stop(Watch *watch) {
        uint64_t lost = watch->watcher.slots->lost;
        size_t n;
        int r = 0;

        crew_stop(&watch->forker);
        if (watch->watcher.n_pids > 0)
                r = watch_await(watch, &n);
        crew_stop(&watch->watcher);
        if (lost > 0) {
                fprintf(stderr, "bench-table: a subscriber lost %lu events\n", lost);
                return -1;
        }
        return r;
}
