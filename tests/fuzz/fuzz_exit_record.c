/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A datagram of the taskstats listener, of whatever version: what is understood of
 * it is read the same twice, has its names ended, and goes through the encoder and
 * back within the promised room.
 */

#include "broker/base/util.h"
#include "broker/kernel/exit_record.h"
#include "broker/kernel/taskstats_layout.h"
#include "broker/output/encode.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/pb.h"

static void check_stats(const TaskStats *stats) {
        assert(stats->version >= TASKSTATS_LAYOUT_VERSION_MIN);
        assert((stats->groups & stats->unsupported) == 0);
        assert(memchr(stats->ac_comm, 0, sizeof(stats->ac_comm)));
}

static void check_encoding(const ExitRecord *record) {
        static uint8_t buffer[ENCODED_EVENT_MAX];
        Event event = {
                .kind = EVENT_EXIT,
                .pid = record->pid,
                .tid = record->tid,
                .exit = {
                        .process_ended = true,
                        .stats = &record->stats,
                        .process_stats = record->has_process ? &record->process : NULL,
                },
        };
        size_t n = encode_event(&event, 0, buffer);
        PB(EventBatch) *batch = taskbroker__v1__event_batch__unpack(NULL, n, buffer);

        assert(n <= sizeof(buffer));
        assert(batch && batch->n_events == 1 && batch->events[0]->kind_case == TASKBROKER__V1__EVENT__KIND_EXIT);
        assert(batch->events[0]->exit->stats);
        assert(!batch->events[0]->exit->process_stats == !record->has_process);
        taskbroker__v1__event_batch__free_unpacked(batch, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        static ExitRecord record, again;
        uint8_t *copy = exact_copy(data, n_data);

        memset(&record, 0x55, sizeof(record));
        memset(&again, 0x55, sizeof(again));
        if (exit_record_parse(copy, n_data, &record) == 0) {
                assert(record.tid > 0);
                check_stats(&record.stats);
                if (record.has_process)
                        check_stats(&record.process);
                assert(exit_record_parse(copy, n_data, &again) == 0);
                assert(memcmp(&record.stats, &again.stats, sizeof(record.stats)) == 0);
                check_encoding(&record);
        }
        free(copy);
        return 0;
}
