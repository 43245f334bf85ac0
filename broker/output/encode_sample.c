/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Samples: a task's statistics are packed once, and copied to all feeds that send the same
 * bytes. The bytes around the statistics are written by hand, as around events.
 */

#include "broker/base/util.h"
#include "broker/output/encode_parts.h"
#include "broker/output/put.h"
#include "broker/output/pack.h"

static size_t task_sample_pack(const TaskSample *sample,
                               uint32_t variant,
                               uint32_t groups,
                               uint8_t tag,
                               uint8_t buffer[static ENCODED_SAMPLE_MAX]) {
        PB(TaskSample) m = PB_INIT(TASK_SAMPLE);
        PB(Termination) termination;
        PB(ProcessId) maker, parent, session;
        StatsMessage message UNINITIALISED;
        size_t n;

        m.pid = sample->pid;
        m.tid = sample->tid;
        m.ppid = sample->parent.pid;
        m.maker = encode_parts_process(&maker, sample->maker);
        m.parent = encode_parts_process(&parent, sample->parent);
        m.session = sample->session_leader.pid;
        m.session_leader = encode_parts_process(&session, sample->session_leader);
        m.uid = sample->uid;
        if (sample->comm)
                m.comm = bytes_of_comm(sample->comm);
        m.comm_stale = sample->comm_stale;
        m.start_time_ns = sample->start_time_ns;
        m.start_boot_ns = start_by_boot_clock(sample->start_time_ns);
        m.time_ns = sample->time_ns;
        m.live_tasks = sample->tasks;
        m.kernel_thread = sample->kernel_thread;
        m.task_unknown = sample->task_unknown;
        if (sample->gone)
                m.state = TASKBROKER__V1__SAMPLE_STATE__SAMPLE_STATE_GONE;
        if (sample->lost)
                m.state = TASKBROKER__V1__SAMPLE_STATE__SAMPLE_STATE_LOST;
        if (sample->stats)
                m.stats = encode_stats_view(&message, sample->stats, variant, groups);
        if (sample->ended) {
                m.ended = true;
                m.stats_missing = (PB(StatsMissing))sample->stats_missing;
                m.termination = encode_parts_termination(&termination, sample->wait_status, sample->status_unknown,
                                                         variant, &m.termination_missing);
        }

        /* a tag, and a length of two bytes for all but the smallest */
        n = pack_message(&m.base, buffer + 3);
        return put_member_prefix(buffer, 3, tag, n);
}

/**
 * encode_task_sample() - encode a task's sample as a member of a SamplePart
 * @sample:   the sample
 * @variant:  ENCODE_* bits
 * @groups:   the groups of statistics that are wanted, STATS_*
 * @buffer:   output
 *
 * Return: The number of bytes written.
 */
size_t encode_task_sample(const TaskSample *sample, uint32_t variant, uint32_t groups,
                          uint8_t buffer[static ENCODED_SAMPLE_MAX]) {
        return task_sample_pack(sample, variant, groups, 1 << 3 | 2, buffer);
}

/* The same as a member of a TaskStatsReply. */
size_t encode_task_sample_answer(const TaskSample *sample, uint32_t variant,
                                 uint8_t buffer[static ENCODED_SAMPLE_MAX]) {
        return task_sample_pack(sample, variant, ~0u, 2 << 3 | 2, buffer);
}

/**
 * encode_sample_header() - the bytes of a frame in front of a sample's encoded members
 * @number:     the sample's
 * @n_members:  bytes of what follows
 * @buffer:     output
 *
 * Return: The number of bytes written.
 */
size_t encode_sample_header(uint64_t number, size_t n_members, uint8_t buffer[static ENCODED_BATCH_HEADER_MAX]) {
        uint8_t fields[1 + 10];
        size_t n = 0;

        fields[n++] = 2 << 3 | 0; /* SamplePart.number */
        n += put_varint(fields + n, number);
        /* ServerMessage.sample_part */
        return put_frame_header(buffer, 10 << 3 | 2, fields, n, n_members);
}

/**
 * encode_sample_end() - the fields of a sample's last part
 * @end:     the values of the fields
 * @buffer:  output
 *
 * Return: The number of bytes written.
 */
size_t encode_sample_end(const SampleEnd *end, uint8_t buffer[static ENCODED_SAMPLE_END_MAX]) {
        PB(SamplePart) m = PB_INIT(SAMPLE_PART);

        m.last = true;
        m.full = end->full;
        m.begin_time_ns = end->begin_time_ns;
        m.end_time_ns = end->end_time_ns;
        m.span_ns = end->span_ns;
        m.forks = end->forks;
        m.execs = end->execs;
        m.exits = end->exits;
        m.lost = end->lost;
        m.lost_at_least = end->lost_at_least;
        return taskbroker__v1__sample_part__pack(&m, buffer);
}

/**
 * encode_stats_header() - the bytes of a frame in front of the encoded members of a TaskStatsReply
 * @request_id:  the id of the request that it answers
 * @n_members:   bytes of what follows
 * @buffer:      output
 *
 * Return: The number of bytes written.
 */
size_t encode_stats_header(uint64_t request_id, size_t n_members, uint8_t buffer[static ENCODED_STATS_HEADER_MAX]) {
        uint8_t fields[1 + 10];
        size_t n = 0;

        fields[n++] = 1 << 3 | 0; /* TaskStatsReply.request_id */
        n += put_varint(fields + n, request_id);
        /* ServerMessage.task_stats_reply */
        return put_frame_header(buffer, 8 << 3 | 2, fields, n, n_members);
}
