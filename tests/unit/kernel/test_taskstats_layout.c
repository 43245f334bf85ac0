/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * struct taskstats of every version. The offsets here were written down apart
 * from proto/taskstats_fields.h, from the kernels' own struct: a slip in one of
 * the two shows.
 */

#include <stddef.h>

#include "broker/base/util.h"
#include "broker/kernel/taskstats_layout.h"
#include "tests/unit/fake_kernel.h"

static const struct {
        uint16_t version;
        size_t n;
} versions[] = {
        { 8, 328 },  { 9, 344 },  { 10, 352 }, { 11, 368 }, { 12, 400 },
        { 13, 416 }, { 14, 432 }, { 15, 560 }, { 16, 560 }, { 17, 688 },
};

#define AT(member) offsetof(TaskStats, member)

/* Where a u64 is, in version 15 and in all others; 0: not in that version. */
static const struct {
        const char *name;
        size_t member;
        uint16_t since;
        size_t offset, offset_v15;
} words[] = {
        { "cpu_count", AT(cpu_delay.count), 8, 16, 16 },
        { "cpu_delay_total", AT(cpu_delay.total_ns), 8, 24, 24 },
        { "blkio_count", AT(blkio_delay.count), 8, 32, 48 },
        { "blkio_delay_total", AT(blkio_delay.total_ns), 8, 40, 56 },
        { "swapin_count", AT(swapin_delay.count), 8, 48, 80 },
        { "swapin_delay_total", AT(swapin_delay.total_ns), 8, 56, 88 },
        { "cpu_run_real_total", AT(cpu_run_real_total_ns), 8, 64, 112 },
        { "cpu_run_virtual_total", AT(cpu_run_virtual_total_ns), 8, 72, 120 },
        { "ac_etime", AT(ac_etime_us), 8, 144, 192 },
        { "ac_utime", AT(ac_utime_us), 8, 152, 200 },
        { "ac_stime", AT(ac_stime_us), 8, 160, 208 },
        { "ac_minflt", AT(ac_minflt), 8, 168, 216 },
        { "ac_majflt", AT(ac_majflt), 8, 176, 224 },
        { "coremem", AT(coremem_mib_us), 8, 184, 232 },
        { "virtmem", AT(virtmem_mib_us), 8, 192, 240 },
        { "hiwater_rss", AT(hiwater_rss_kib), 8, 200, 248 },
        { "hiwater_vm", AT(hiwater_vm_kib), 8, 208, 256 },
        { "read_char", AT(read_char_bytes), 8, 216, 264 },
        { "write_char", AT(write_char_bytes), 8, 224, 272 },
        { "read_syscalls", AT(read_syscalls), 8, 232, 280 },
        { "write_syscalls", AT(write_syscalls), 8, 240, 288 },
        { "read_bytes", AT(read_bytes), 8, 248, 296 },
        { "write_bytes", AT(write_bytes), 8, 256, 304 },
        { "cancelled_write_bytes", AT(cancelled_write_bytes), 8, 264, 312 },
        { "nvcsw", AT(nvcsw), 8, 272, 320 },
        { "nivcsw", AT(nivcsw), 8, 280, 328 },
        { "ac_utimescaled", AT(ac_utimescaled_us), 8, 288, 336 },
        { "ac_stimescaled", AT(ac_stimescaled_us), 8, 296, 344 },
        { "cpu_scaled_run_real_total", AT(cpu_scaled_run_real_total_ns), 8, 304, 352 },
        { "freepages_count", AT(freepages_delay.count), 8, 312, 360 },
        { "freepages_delay_total", AT(freepages_delay.total_ns), 8, 320, 368 },
        { "thrashing_count", AT(thrashing_delay.count), 9, 328, 392 },
        { "thrashing_delay_total", AT(thrashing_delay.total_ns), 9, 336, 400 },
        { "ac_btime64", AT(ac_btime64_s), 10, 344, 424 },
        { "compact_count", AT(compact_delay.count), 11, 352, 432 },
        { "compact_delay_total", AT(compact_delay.total_ns), 11, 360, 440 },
        { "ac_tgetime", AT(ac_tgetime_us), 12, 376, 472 },
        { "ac_exe_dev", AT(ac_exe_dev), 12, 384, 480 },
        { "ac_exe_inode", AT(ac_exe_inode), 12, 392, 488 },
        { "wpcopy_count", AT(wpcopy_delay.count), 13, 400, 496 },
        { "wpcopy_delay_total", AT(wpcopy_delay.total_ns), 13, 408, 504 },
        { "irq_count", AT(irq_delay.count), 14, 416, 528 },
        { "irq_delay_total", AT(irq_delay.total_ns), 14, 424, 536 },
        { "cpu_delay_max", AT(cpu_delay.max_ns), 15, 432, 32 },
        { "cpu_delay_min", AT(cpu_delay.min_ns), 15, 440, 40 },
        { "blkio_delay_max", AT(blkio_delay.max_ns), 15, 448, 64 },
        { "blkio_delay_min", AT(blkio_delay.min_ns), 15, 456, 72 },
        { "swapin_delay_max", AT(swapin_delay.max_ns), 15, 464, 96 },
        { "swapin_delay_min", AT(swapin_delay.min_ns), 15, 472, 104 },
        { "freepages_delay_max", AT(freepages_delay.max_ns), 15, 480, 376 },
        { "freepages_delay_min", AT(freepages_delay.min_ns), 15, 488, 384 },
        { "thrashing_delay_max", AT(thrashing_delay.max_ns), 15, 496, 408 },
        { "thrashing_delay_min", AT(thrashing_delay.min_ns), 15, 504, 416 },
        { "compact_delay_max", AT(compact_delay.max_ns), 15, 512, 448 },
        { "compact_delay_min", AT(compact_delay.min_ns), 15, 520, 456 },
        { "wpcopy_delay_max", AT(wpcopy_delay.max_ns), 15, 528, 512 },
        { "wpcopy_delay_min", AT(wpcopy_delay.min_ns), 15, 536, 520 },
        { "irq_delay_max", AT(irq_delay.max_ns), 15, 544, 544 },
        { "irq_delay_min", AT(irq_delay.min_ns), 15, 552, 552 },
};

/* The u32 fields, in the same form. */
static const struct {
        const char *name;
        size_t member;
        uint16_t since;
        size_t offset, offset_v15;
} halves[] = {
        { "ac_exitcode", AT(ac_exitcode), 8, 4, 4 },    { "ac_uid", AT(ac_uid), 8, 120, 168 },
        { "ac_gid", AT(ac_gid), 8, 124, 172 },          { "ac_pid", AT(ac_pid), 8, 128, 176 },
        { "ac_ppid", AT(ac_ppid), 8, 132, 180 },        { "ac_btime", AT(ac_btime_s), 8, 136, 184 },
        { "ac_tgid", AT(ac_tgid), 12, 368, 464 },
};

/* {x}_delay_max_ts, from version 17 on. */
static const struct {
        size_t member;
        size_t offset;
} times[] = {
        { AT(cpu_delay.max_time_ns), 560 },       { AT(blkio_delay.max_time_ns), 576 },
        { AT(swapin_delay.max_time_ns), 592 },    { AT(freepages_delay.max_time_ns), 608 },
        { AT(thrashing_delay.max_time_ns), 624 }, { AT(compact_delay.max_time_ns), 640 },
        { AT(wpcopy_delay.max_time_ns), 656 },    { AT(irq_delay.max_time_ns), 672 },
};

static uint64_t word_at(const TaskStats *stats, size_t member) {
        uint64_t value;

        memcpy(&value, (const char *)stats + member, sizeof(value));
        return value;
}

static uint32_t half_at(const TaskStats *stats, size_t member) {
        uint32_t value;

        memcpy(&value, (const char *)stats + member, sizeof(value));
        return value;
}

/* Every field of @version with a number of its own; everything that is no field with rubbish. */
static void fill(uint8_t *data, size_t n, uint16_t version) {
        bool v15 = version == 15;

        memset(data, 0xee, n);
        put_u16(data, 0, version);
        for (size_t i = 0; i < ARRAY_SIZE(words); ++i)
                if (version >= words[i].since)
                        put_u64(data, v15 ? words[i].offset_v15 : words[i].offset, (1000 + i) << 33 | version);
        for (size_t i = 0; i < ARRAY_SIZE(halves); ++i)
                if (version >= halves[i].since)
                        put_u32(data, v15 ? halves[i].offset_v15 : halves[i].offset, (uint32_t)(0x80000000u + i));
        if (version >= 17)
                for (size_t i = 0; i < ARRAY_SIZE(times); ++i) {
                        put_u64(data, times[i].offset, 1700000000 + i);
                        put_u64(data, times[i].offset + 8, 999999999 - i);
                }
        put_u8(data, 8, 0x3b);
        put_u8(data, 9, 0xec);
        put_u8(data, v15 ? 160 : 112, 5);
        memset(data + (v15 ? 128 : 80), 0, 32);
        memcpy(data + (v15 ? 128 : 80), "some (odd) name", 15);
}

static void check(const TaskStats *stats, uint16_t version, uint16_t as) {
        assert(stats->version == version);
        for (size_t i = 0; i < ARRAY_SIZE(words); ++i)
                assert(word_at(stats, words[i].member) == (as >= words[i].since ? (1000 + i) << 33 | as : 0));
        for (size_t i = 0; i < ARRAY_SIZE(halves); ++i)
                assert(half_at(stats, halves[i].member) == (as >= halves[i].since ? 0x80000000u + i : 0));
        for (size_t i = 0; i < ARRAY_SIZE(times); ++i)
                assert(word_at(stats, times[i].member) ==
                       (as >= 17 ? (1700000000ull + i) * NSEC_PER_SEC + 999999999 - i : 0));
        assert(stats->ac_flag == 0x3b);
        assert(stats->ac_nice == -20);
        assert(stats->ac_sched == 5);
        assert(strcmp(stats->ac_comm, "some (odd) name") == 0);
        assert(stats->tasks == 0 && stats->tasks_missing == 0 && !stats->tasks_unseen && stats->uncounted == 0);
}

/* Each field once, and every field of the table at some place of the tables here. */
static void test_tables_cover_the_struct(void) {
        uint8_t seen[sizeof(TaskStats)] = {};
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(words); ++i)
                ++seen[words[i].member];
        for (size_t i = 0; i < ARRAY_SIZE(halves); ++i)
                ++seen[halves[i].member];
        for (size_t i = 0; i < ARRAY_SIZE(times); ++i)
                ++seen[times[i].member];
        ++seen[AT(ac_flag)];
        ++seen[AT(ac_nice)];
        ++seen[AT(ac_sched)];
#define FIELD(group, name, type, offset, offset_v15, since, total)            \
        assert(seen[AT(name)] == 1);                                          \
        ++n;
        TASKSTATS_FIELDS(FIELD)
#undef FIELD
#define DELAY(name, offset, offset_v15, since, peak, peak_v15, peak_time)     \
        assert(seen[AT(name##_delay.count)] == 1 && seen[AT(name##_delay.total_ns)] == 1); \
        assert(seen[AT(name##_delay.max_ns)] == 1 && seen[AT(name##_delay.min_ns)] == 1);  \
        assert(seen[AT(name##_delay.max_time_ns)] == 1);                      \
        n += 5;
        TASKSTATS_DELAYS(DELAY)
#undef DELAY
        assert(n == ARRAY_SIZE(words) + ARRAY_SIZE(halves) + ARRAY_SIZE(times) + 3);
}

static void test_every_version(void) {
        for (size_t i = 0; i < ARRAY_SIZE(versions); ++i) {
                uint16_t version = versions[i].version;
                size_t n = versions[i].n;
                uint8_t *data = malloc(n);
                TaskStats stats;

                assert(data);
                fill(data, n, version);
                assert(taskstats_layout_version(data, n) == version);
                memset(&stats, 0x55, sizeof(stats));
                assert(taskstats_layout_decode(data, n, version, &stats) == 0);
                check(&stats, version, version);
                free(data);
        }
}

/* A byte less than the version's fields is refused, without a look at what is not there; more is fine. */
static void test_lengths(void) {
        for (size_t i = 0; i < ARRAY_SIZE(versions); ++i) {
                uint16_t version = versions[i].version;
                uint8_t full[1024] = {};
                TaskStats stats;

                fill(full, versions[i].n, version);
                for (size_t n = 0; n < versions[i].n; ++n) {
                        uint8_t *data = exact_copy(full, n);

                        assert(taskstats_layout_decode(data, n, version, &stats) == TASKSTATS_LAYOUT_E_SHORT);
                        free(data);
                }
                assert(taskstats_layout_decode(full, versions[i].n + 1, version, &stats) == 0);
                assert(taskstats_layout_decode(full, sizeof(full), version, &stats) == 0);
                check(&stats, version, version);
        }
}

/* The struct lies at any multiple of 4 in a message, and so may we find it at any address. */
static void test_unaligned(void) {
        uint8_t buffer[STATS_BYTES + 8];

        for (size_t shift = 0; shift < 8; ++shift) {
                TaskStats stats;

                fill(buffer + shift, STATS_BYTES, 17);
                assert(taskstats_layout_decode(buffer + shift, STATS_BYTES, 17, &stats) == 0);
                check(&stats, 17, 17);
        }
}

/* Versions 15 and 16 have one size and two layouts: only the version number distinguishes them. */
static void test_v15_is_not_v16(void) {
        uint8_t data[560];
        TaskStats stats;

        fill(data, sizeof(data), 15);
        assert(taskstats_layout_decode(data, sizeof(data), 16, &stats) == 0);
        assert(stats.nvcsw != ((1000ull + 24) << 33 | 15));
        assert(taskstats_layout_decode(data, sizeof(data), 15, &stats) == 0);
        check(&stats, 15, 15);
}

static void test_versions_outside(void) {
        uint8_t data[2048] = {};
        TaskStats stats;

        fill(data, STATS_BYTES, 17);
        for (uint16_t version = 0; version < 8; ++version)
                assert(taskstats_layout_decode(data, sizeof(data), version, &stats) == TASKSTATS_LAYOUT_E_VERSION);

        /* a future version is read as the newest known version and keeps its own number */
        for (uint32_t version = 18; version <= UINT16_MAX; version = version * 2 + 1) {
                assert(taskstats_layout_decode(data, STATS_BYTES, (uint16_t)version, &stats) == 0);
                check(&stats, (uint16_t)version, 17);
                assert(taskstats_layout_decode(data, sizeof(data), (uint16_t)version, &stats) == 0);
                assert(taskstats_layout_decode(data, STATS_BYTES - 1, (uint16_t)version, &stats) ==
                       TASKSTATS_LAYOUT_E_SHORT);
        }
}

static void test_layout_version(void) {
        uint8_t data[2] = { 0x10, 0x00 };
        uint8_t *one = exact_copy(data, 1), *none = exact_copy(data, 0);

        assert(taskstats_layout_version(none, 0) == 0);
        assert(taskstats_layout_version(one, 1) == 0);
        put_u16(data, 0, 16);
        assert(taskstats_layout_version(data, 2) == 16);
        free(one);
        free(none);
}

static void test_groups(void) {
        const uint32_t always = STATS_IDENTITY | STATS_CPU | STATS_MEMORY | STATS_MEMORY_INTEGRALS | STATS_SCHEDULING |
                                STATS_IO | STATS_EXIT_STATUS | STATS_CPU_DELAY | STATS_DELAYS;

        for (size_t i = 0; i < ARRAY_SIZE(versions); ++i) {
                uint16_t version = versions[i].version;
                uint32_t groups = always, unsupported = 0;
                uint8_t data[STATS_BYTES];
                TaskStats stats;

                *(version >= 12 ? &groups : &unsupported) |= STATS_EXECUTABLE;
                *(version >= 15 ? &groups : &unsupported) |= STATS_DELAY_PEAKS;
                *(version >= 17 ? &groups : &unsupported) |= STATS_DELAY_PEAK_TIMES;
                fill(data, sizeof(data), version);
                assert(taskstats_layout_decode(data, sizeof(data), version, &stats) == 0);
                assert(stats.groups == groups);
                assert(stats.unsupported == unsupported);

                /* a kernel thread, or a zombie, has no executable; the kernel keeps it all the same */
                if (version < 12)
                        continue;
                memset(data + (version == 15 ? 480 : 384), 0, 16);
                assert(taskstats_layout_decode(data, sizeof(data), version, &stats) == 0);
                assert(stats.groups == (groups & ~STATS_EXECUTABLE));
                assert(stats.unsupported == unsupported);
                put_u64(data, version == 15 ? 488 : 392, 1);
                assert(taskstats_layout_decode(data, sizeof(data), version, &stats) == 0);
                assert(stats.groups == groups);
        }
}

static void test_comm_is_bounded(void) {
        uint8_t data[STATS_BYTES];
        TaskStats stats;

        fill(data, sizeof(data), 17);
        memset(data + 80, 'x', 32);
        assert(taskstats_layout_decode(data, sizeof(data), 17, &stats) == 0);
        assert(strlen(stats.ac_comm) == COMM_SIZE - 1);

        fill(data, sizeof(data), 15);
        memset(data + 128, 'x', 32);
        assert(taskstats_layout_decode(data, 560, 15, &stats) == 0);
        assert(strlen(stats.ac_comm) == COMM_SIZE - 1);
}

static void test_times(void) {
        static const struct {
                int64_t seconds, nanoseconds;
                uint64_t result;
        } rows[] = {
                { 0, 0, 0 },
                { 1, 0, NSEC_PER_SEC },
                { 1, 999999999, 1999999999 },
                { 1763870000, 123456789, 1763870000123456789ull },
                { 9223372035, 999999999, 9223372035999999999ull },
                /* an invalid time becomes 0 */
                { 0, 5, 0 },
                { -1, 5, 0 },
                { 5, -1, 0 },
                { 5, 1000000000, 0 },
                { INT64_MAX, 0, 0 },
                { 9223372036, 999999999, 0 },
                { INT64_MIN, INT64_MIN, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                uint8_t data[STATS_BYTES];
                TaskStats stats;

                fill(data, sizeof(data), 17);
                put_u64(data, 672, (uint64_t)rows[i].seconds);
                put_u64(data, 680, (uint64_t)rows[i].nanoseconds);
                assert(taskstats_layout_decode(data, sizeof(data), 17, &stats) == 0);
                assert(stats.irq_delay.max_time_ns == rows[i].result);
        }
}

int main(void) {
        test_tables_cover_the_struct();
        test_every_version();
        test_lengths();
        test_unaligned();
        test_v15_is_not_v16();
        test_versions_outside();
        test_layout_version();
        test_groups();
        test_comm_is_bounded();
        test_times();
        return 0;
}
