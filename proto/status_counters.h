/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one table of the counters in BrokerStatus.
 *
 * Everything that knows a counter by name is made from these lists: the broker's struct
 * (broker/model) and its encoding (broker/output), the library's decoding (clients/lib),
 * JSON and the text of `taskbroker status` (clients/cli). A test holds broker.proto and
 * the public header against it.
 *
 * To add a counter: one row here, a field in broker.proto, a member of struct tb_status,
 * and the statement that counts or collects it.
 *
 * C(name, unit, access, section, place, label)
 *   name     the field of the wire; the member of each struct; JSON's key. JSON has the
 *            order of the rows. The rows of one access stand in the order of the fields'
 *            numbers.
 *   unit     COUNT, BYTES, TIME (nanoseconds): uint64; FLAG: bool, which is not on the wire
 *   access   the clients that get it, and the message that has it. ALL: full access alone,
 *            ServiceStatus; MACHINE: also clients that may see other users' tasks,
 *            MachineStatus; ANY: each client, BrokerStatus
 *   section  the part of the text that has it: NOW, SINCE_START, or NOWHERE
 *   place    its place there; ascending, with gaps
 *   label    its name there; docs/man/taskbroker.1 explains each
 */
#define STATUS_COUNTERS(C)                                                                                             \
        C(live_tasks, COUNT, MACHINE, NOW, 20, "tasks")                                                                \
        C(live_processes, COUNT, MACHINE, NOW, 10, "processes")                                                        \
        C(feeds, COUNT, ALL, NOW, 80, "feeds")                                                                         \
        C(subscribers, COUNT, ANY, NOW, 70, "subscribers")                                                             \
        C(connections, COUNT, ANY, NOW, 50, "connections")                                                             \
        C(feed_bytes, BYTES, ALL, NOW, 90, "held in feeds")                                                            \
        C(reader_lost, COUNT, ALL, SINCE_START, 150, "events lost by slow subscribers")                                \
        C(closed_for_errors, COUNT, ALL, SINCE_START, 170, "connections closed for errors")                            \
        C(closed_for_strict, COUNT, ALL, SINCE_START, 160, "strict subscribers closed")                                \
        C(refused_connections, COUNT, ALL, SINCE_START, 180, "connections refused")                                    \
        C(unmatched_stats, COUNT, ALL, NOW, 30, "statistics that wait for an exit")                                    \
        C(synthesised_exits, COUNT, ALL, SINCE_START, 20, "exits synthesised from records")                            \
        C(broker_cpu_ns, TIME, ALL, NOWHERE, 0, "")                                                                    \
        C(synthesised_forks, COUNT, ALL, SINCE_START, 10, "forks found in /proc after a loss")                         \
        C(programs_captured, COUNT, ALL, SINCE_START, 30, "programs read from /proc")                                  \
        C(programs_late, COUNT, ALL, SINCE_START, 40, "programs gone before they were read")                           \
        C(programs_skipped, COUNT, ALL, SINCE_START, 50, "programs left out, being too many")                          \
        C(snapshots, COUNT, ALL, SINCE_START, 60, "snapshots made")                                                    \
        C(snapshot_subscribers, COUNT, ALL, SINCE_START, 70, "subscribers sent a snapshot")                            \
        C(resumed, COUNT, ALL, SINCE_START, 80, "subscriptions resumed")                                               \
        C(table_bytes, BYTES, ALL, NOW, 40, "held in the table of tasks")                                              \
        C(withheld, FLAG, ANY, NOWHERE, 0, "")                                                                         \
        C(refused_quota, COUNT, ALL, SINCE_START, 200, "requests over a user's share")                                 \
        C(refused_namespace, COUNT, ALL, SINCE_START, 190, "refused for their pid namespace")                          \
        C(sweeps, COUNT, ALL, SINCE_START, 90, "sweeps over live tasks")                                               \
        C(sweep_tasks, COUNT, ALL, SINCE_START, 100, "tasks asked for in sweeps")                                      \
        C(sweep_gone, COUNT, ALL, SINCE_START, 110, "tasks that ended before the answer")                              \
        C(sweep_lost, COUNT, ALL, SINCE_START, 120, "tasks without an answer")                                         \
        C(sweep_cpu_ns, TIME, ALL, SINCE_START, 130, "processor time of sweeps")                                       \
        C(sample_subscribers, COUNT, ALL, NOW, 60, "subscribers of samples")                                           \
        C(sample_lost, COUNT, ALL, SINCE_START, 140, "samples lost by slow subscribers")                               \
        C(client_bytes, BYTES, ALL, NOW, 100, "held for clients, feeds included")                                      \
        C(rechecks_pending, COUNT, ALL, NOW, 25, "tasks still to be read in /proc")                                    \
        C(rechecks_done, COUNT, ALL, SINCE_START, 52, "tasks read later in /proc")                                     \
        C(rechecks_ended, COUNT, ALL, SINCE_START, 54, "tasks ended before they were read")                            \
        C(log_lines_dropped, COUNT, ALL, SINCE_START, 210, "log lines dropped")                                        \
        C(program_bytes, BYTES, ALL, NOW, 45, "held for programs")                                                     \
        C(programs_refused, COUNT, ALL, SINCE_START, 51, "programs over a user's share")                               \
        C(foreign_acks, COUNT, MACHINE, SINCE_START, 5, "requests of other listeners")                                 \
        C(clients_unlisted, COUNT, ANY, NOWHERE, 0, "")

/*
 * The counters of one kernel source, SourceLosses (MACHINE) and SourceStatus (ALL), in the order of the text's columns.
 *
 * S(name, unit, access, width, label)
 *   width    the column's width; label is its head
 */
#define STATUS_SOURCE_COUNTERS(S)                                             \
        S(received, COUNT, ALL, 15, "received")                               \
        S(lost, COUNT, MACHINE, 9, "lost")                                    \
        S(dropped, COUNT, ALL, 9, "dropped")                                  \
        S(truncated, COUNT, ALL, 9, "truncated")                              \
        S(malformed, COUNT, ALL, 9, "malformed")                              \
        S(foreign, COUNT, ALL, 9, "foreign")                                  \
        S(muted, COUNT, MACHINE, 8, "muted")                                  \
        S(repaired, COUNT, MACHINE, 8, "repaired")                            \
        S(receive_buffer_bytes, BYTES, ALL, 8, "buffer")
