/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one table of taskstats fields.
 *
 * All code that knows a field by name is made from these lists: the plain
 * struct of the broker (broker/model), the offsets per kernel version
 * (broker/kernel), the encoder (broker/output), the totals of a process
 * (broker/tasks), the C library's struct and its JSON (clients). A test holds
 * the public header, the .proto files and the running kernel's own type
 * information against it. To add a field: one line here, one in taskstats.proto,
 * one in taskbroker.h.
 *
 * F(group, name, type, offset, offset_v15, since, total)
 *   group       member of the wire's TaskStats that holds the field
 *   name        the kernel's name with its unit; the wire's and JSON's name too
 *   type        how the kernel stores it: U8, S8, U32, U64
 *   offset      in struct taskstats of versions 8 to 14 and from 16 on
 *   offset_v15  in version 15 (Linux 6.14 alone), which put the delays' extremes
 *               in the middle and moved the fields behind; 16 moved them back
 *   since       first version that has the field
 *   total       how a process' total is made of all its tasks, with those that ended.
 *               SUM, MAX. LEADER: the leader gives the value, or the last task if the
 *               leader's statistics are missing. LAST: the last task gives the value.
 *               FLAGS: the bits of all tasks, but AFORK from the leader alone
 *
 * Versions up to 7 are older than Linux 2.6.37; the broker does not read them.
 */
#define TASKSTATS_IDENTITY_FIELDS(F)                                          \
        F(identity, ac_pid, U32, 128, 176, 8, LEADER)                         \
        F(identity, ac_tgid, U32, 368, 464, 12, LEADER)                       \
        F(identity, ac_ppid, U32, 132, 180, 8, LAST)                          \
        F(identity, ac_uid, U32, 120, 168, 8, LEADER)                         \
        F(identity, ac_gid, U32, 124, 172, 8, LEADER)                         \
        F(identity, ac_flag, U8, 8, 8, 8, FLAGS)                              \
        F(identity, ac_btime_s, U32, 136, 184, 8, LEADER)                     \
        F(identity, ac_btime64_s, U64, 344, 424, 10, LEADER)                  \
        F(identity, ac_etime_us, U64, 144, 192, 8, MAX)                       \
        F(identity, ac_tgetime_us, U64, 376, 472, 12, MAX)

#define TASKSTATS_CPU_FIELDS(F)                                               \
        F(cpu, cpu_run_virtual_total_ns, U64, 72, 120, 8, SUM)                \
        F(cpu, cpu_run_real_total_ns, U64, 64, 112, 8, SUM)                   \
        F(cpu, ac_utime_us, U64, 152, 200, 8, SUM)                            \
        F(cpu, ac_stime_us, U64, 160, 208, 8, SUM)                            \
        F(cpu, ac_utimescaled_us, U64, 288, 336, 8, SUM)                      \
        F(cpu, ac_stimescaled_us, U64, 296, 344, 8, SUM)                      \
        F(cpu, cpu_scaled_run_real_total_ns, U64, 304, 352, 8, SUM)

/* The high-water marks belong to the address space that all threads share. */
#define TASKSTATS_MEMORY_FIELDS(F)                                            \
        F(memory, ac_minflt, U64, 168, 216, 8, SUM)                           \
        F(memory, ac_majflt, U64, 176, 224, 8, SUM)                           \
        F(memory, hiwater_rss_kib, U64, 200, 248, 8, MAX)                     \
        F(memory, hiwater_vm_kib, U64, 208, 256, 8, MAX)

#define TASKSTATS_MEMORY_INTEGRALS_FIELDS(F)                                  \
        F(memory_integrals, coremem_mib_us, U64, 184, 232, 8, SUM)            \
        F(memory_integrals, virtmem_mib_us, U64, 192, 240, 8, SUM)

#define TASKSTATS_SCHEDULING_FIELDS(F)                                        \
        F(scheduling, nvcsw, U64, 272, 320, 8, SUM)                           \
        F(scheduling, nivcsw, U64, 280, 328, 8, SUM)                          \
        F(scheduling, ac_sched, U8, 112, 160, 8, LEADER)                      \
        F(scheduling, ac_nice, S8, 9, 9, 8, LEADER)

#define TASKSTATS_IO_FIELDS(F)                                                \
        F(io, read_char_bytes, U64, 216, 264, 8, SUM)                         \
        F(io, write_char_bytes, U64, 224, 272, 8, SUM)                        \
        F(io, read_syscalls, U64, 232, 280, 8, SUM)                           \
        F(io, write_syscalls, U64, 240, 288, 8, SUM)                          \
        F(io, read_bytes, U64, 248, 296, 8, SUM)                              \
        F(io, write_bytes, U64, 256, 304, 8, SUM)                             \
        F(io, cancelled_write_bytes, U64, 264, 312, 8, SUM)

#define TASKSTATS_EXECUTABLE_FIELDS(F)                                        \
        F(executable, ac_exe_dev, U64, 384, 480, 12, LAST)                    \
        F(executable, ac_exe_inode, U64, 392, 488, 12, LAST)

#define TASKSTATS_EXIT_STATUS_FIELDS(F)                                       \
        F(exit_status, ac_exitcode, U32, 4, 4, 8, LAST)

#define TASKSTATS_FIELDS(F)                                                   \
        TASKSTATS_IDENTITY_FIELDS(F)                                          \
        TASKSTATS_CPU_FIELDS(F)                                               \
        TASKSTATS_MEMORY_FIELDS(F)                                            \
        TASKSTATS_MEMORY_INTEGRALS_FIELDS(F)                                  \
        TASKSTATS_SCHEDULING_FIELDS(F)                                        \
        TASKSTATS_IO_FIELDS(F)                                                \
        TASKSTATS_EXECUTABLE_FIELDS(F)                                        \
        TASKSTATS_EXIT_STATUS_FIELDS(F)

/* ac_comm, the only field that is not a number: 32 bytes, 16 used. */
#define TASKSTATS_COMM_OFFSET 80
#define TASKSTATS_COMM_OFFSET_V15 128
#define TASKSTATS_COMM_SIZE 32

/*
 * D(name, offset, offset_v15, since, peak, peak_v15, peak_time)
 *   offset     where {name}_count stands; {name}_delay_total is the u64 behind it
 *   peak       where {name}_delay_max stands from version 16 on; {name}_delay_min
 *              is the u64 behind it
 *   peak_v15   where {name}_delay_max stands in version 15, the first that has it
 *   peak_time  where {name}_delay_max_ts stands from version 17 on: two s64
 *              (seconds, nanoseconds)
 *
 * Totals: count and total are summed. max is the largest value, and min the
 * smallest value of the tasks that waited at all. (The kernel's own totals have
 * the extremes of the thread that the kernel visited last.)
 */
#define TASKSTATS_DELAYS(D)                                                   \
        D(cpu, 16, 16, 8, 432, 32, 560)                                       \
        D(blkio, 32, 48, 8, 448, 64, 576)                                     \
        D(swapin, 48, 80, 8, 464, 96, 592)                                    \
        D(freepages, 312, 360, 8, 480, 376, 608)                              \
        D(thrashing, 328, 392, 9, 496, 408, 624)                              \
        D(compact, 352, 432, 11, 512, 448, 640)                               \
        D(wpcopy, 400, 496, 13, 528, 512, 656)                                \
        D(irq, 416, 528, 14, 544, 544, 672)

#define TASKSTATS_PEAKS_SINCE 15
#define TASKSTATS_PEAK_TIMES_SINCE 17

/*
 * G(group, GROUP, number)
 *   number  STATS_GROUP_GROUP of taskstats.proto; the bit of the group in masks
 *
 * The groups of the first list are messages of plain fields. The groups of the
 * second list are parts of the message Delays.
 */
#define TASKSTATS_PLAIN_GROUPS(G)                                             \
        G(identity, IDENTITY, 1)                                              \
        G(cpu, CPU, 2)                                                        \
        G(memory, MEMORY, 3)                                                  \
        G(memory_integrals, MEMORY_INTEGRALS, 12)                             \
        G(scheduling, SCHEDULING, 4)                                          \
        G(io, IO, 5)                                                          \
        G(executable, EXECUTABLE, 10)                                         \
        G(exit_status, EXIT_STATUS, 11)

#define TASKSTATS_DELAY_GROUPS(G)                                             \
        G(cpu_delay, CPU_DELAY, 6)                                            \
        G(delays, DELAYS, 7)                                                  \
        G(delay_peaks, DELAY_PEAKS, 8)                                        \
        G(delay_peak_times, DELAY_PEAK_TIMES, 9)

#define TASKSTATS_GROUPS(G)                                                   \
        TASKSTATS_PLAIN_GROUPS(G)                                             \
        TASKSTATS_DELAY_GROUPS(G)
