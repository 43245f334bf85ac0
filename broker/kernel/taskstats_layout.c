/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The daemon carries its own offsets, because the struct of the headers that it
 * was built with need not be the running kernel's: it grew eight times, and
 * version 15 (Linux 6.14) put new fields in the middle, with the very size that
 * version 16 has. Only the version distinguishes them, never the size.
 *
 * The struct is not 8-aligned inside a netlink message: everything is copied
 * out with memcpy. Only what a version has is read; a newer version than we know
 * is read as the newest that we know, since fields are only ever appended (16
 * made good what 15 had broken).
 */

#include <string.h>

#include "broker/base/util.h"
#include "broker/kernel/taskstats_layout.h"

static const uint16_t layout_sizes[TASKSTATS_LAYOUT_VERSION_MAX + 1] = {
        [8] = 328,  [9] = 344,  [10] = 352, [11] = 368, [12] = 400,
        [13] = 416, [14] = 432, [15] = 560, [16] = 560, [17] = 688,
};

static uint64_t load_U64(const uint8_t *data) {
        uint64_t value;

        memcpy(&value, data, sizeof(value));
        return value;
}

static uint32_t load_U32(const uint8_t *data) {
        uint32_t value;

        memcpy(&value, data, sizeof(value));
        return value;
}

static uint32_t load_U8(const uint8_t *data) {
        return *data;
}

static int32_t load_S8(const uint8_t *data) {
        return (int8_t)*data;
}

static uint64_t load_time(const uint8_t *data) {
        int64_t seconds = (int64_t)load_U64(data), nanoseconds = (int64_t)load_U64(data + 8);

        if (seconds <= 0 || seconds > INT64_MAX / (int64_t)NSEC_PER_SEC - 1 || nanoseconds < 0 ||
            nanoseconds >= (int64_t)NSEC_PER_SEC)
                return 0;
        return (uint64_t)(seconds * (int64_t)NSEC_PER_SEC + nanoseconds);
}

static void decode_common(const uint8_t *data, uint16_t version, TaskStats *s) {
        memcpy(s->ac_comm, data + TASKSTATS_COMM_OFFSET, COMM_SIZE - 1);

#define FIELD(group, name, type, offset, offset_v15, since, total)            \
        if ((since) <= TASKSTATS_LAYOUT_VERSION_MIN || version >= (since))              \
                s->name = load_##type(data + (offset));
        TASKSTATS_FIELDS(FIELD)
#undef FIELD

#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)     \
        if ((since) <= TASKSTATS_LAYOUT_VERSION_MIN || version >= (since)) {            \
                s->name##_delay.count = load_U64(data + (offset));            \
                s->name##_delay.total_ns = load_U64(data + (offset) + 8);     \
        }                                                                     \
        if (version >= TASKSTATS_PEAKS_SINCE) {                               \
                s->name##_delay.max_ns = load_U64(data + (peak));             \
                s->name##_delay.min_ns = load_U64(data + (peak) + 8);         \
        }                                                                     \
        if (version >= TASKSTATS_PEAK_TIMES_SINCE)                            \
                s->name##_delay.max_time_ns = load_time(data + (peak_time));
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
}

static void decode_v15(const uint8_t *data, TaskStats *s) {
        memcpy(s->ac_comm, data + TASKSTATS_COMM_OFFSET_V15, COMM_SIZE - 1);

#define FIELD(group, name, type, offset, offset_v15, since, total) s->name = load_##type(data + (offset_v15));
        TASKSTATS_FIELDS(FIELD)
#undef FIELD

#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)     \
        s->name##_delay.count = load_U64(data + (offset_v15));                \
        s->name##_delay.total_ns = load_U64(data + (offset_v15) + 8);         \
        s->name##_delay.max_ns = load_U64(data + (peak_v15));                 \
        s->name##_delay.min_ns = load_U64(data + (peak_v15) + 8);
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
}

/**
 * taskstats_layout_version() - the version that a record claims
 * @data:    struct taskstats
 * @n_data:  its length
 *
 * Return: The version; 0 also for what is too short to have one.
 */
uint16_t taskstats_layout_version(const uint8_t *data, size_t n_data) {
        uint16_t version = 0;

        if (n_data >= sizeof(version))
                memcpy(&version, data, sizeof(version));
        return version;
}

/**
 * taskstats_layout_decode() - read a struct taskstats
 * @data:       its bytes
 * @n_data:     how many
 * @version:    its version; the caller knows it, because the record of a process
 *              (AGGR_TGID) says 0 in kernels before 7.1
 * @ret_stats:  output, all of it written
 *
 * The bytes do not show which groups the kernel was built without, and whether delays were
 * counted. The join knows.
 *
 * Return: 0, TASKSTATS_LAYOUT_E_VERSION or TASKSTATS_LAYOUT_E_SHORT.
 */
int taskstats_layout_decode(const uint8_t *data, size_t n_data, uint16_t version, TaskStats *ret_stats) {
        if (version < TASKSTATS_LAYOUT_VERSION_MIN)
                return TASKSTATS_LAYOUT_E_VERSION;
        if (n_data < layout_sizes[MIN(version, TASKSTATS_LAYOUT_VERSION_MAX)])
                return TASKSTATS_LAYOUT_E_SHORT;

        memset(ret_stats, 0, sizeof(*ret_stats));
        ret_stats->version = version;
        if (version == 15)
                decode_v15(data, ret_stats);
        else
                decode_common(data, version, ret_stats);

        ret_stats->groups = STATS_IDENTITY | STATS_CPU | STATS_MEMORY | STATS_MEMORY_INTEGRALS | STATS_SCHEDULING |
                            STATS_IO | STATS_EXIT_STATUS | STATS_CPU_DELAY | STATS_DELAYS;
        if (version < 12)
                ret_stats->unsupported |= STATS_EXECUTABLE;
        else if (ret_stats->ac_exe_dev || ret_stats->ac_exe_inode)
                ret_stats->groups |= STATS_EXECUTABLE;
        if (version < TASKSTATS_PEAKS_SINCE)
                ret_stats->unsupported |= STATS_DELAY_PEAKS;
        else
                ret_stats->groups |= STATS_DELAY_PEAKS;
        if (version < TASKSTATS_PEAK_TIMES_SINCE)
                ret_stats->unsupported |= STATS_DELAY_PEAK_TIMES;
        else
                ret_stats->groups |= STATS_DELAY_PEAK_TIMES;
        return 0;
}
