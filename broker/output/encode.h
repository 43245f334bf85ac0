/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Encode: plain structs to protobuf. Pure. Each function is in the file of its messages:
 * encode_event.c, encode_reply.c, encode_sample.c, encode_task.c. In the broker, they and
 * the request decoder alone see the generated code.
 */

#include <stddef.h>
#include <stdint.h>

#include "broker/model/error_code.h"
#include "broker/model/event.h"
#include "broker/model/sample.h"
#include "broker/model/status.h"
#include "broker/policy/filter.h"
#include "broker/policy/policy.h"
#include "broker/tasks/task_table.h"
#include "proto/frame.h"

typedef struct SampleEnd SampleEnd;

/*
 * An encoded event, as a member of EventBatch.events: tag, length and bytes.
 * Every name is bounded, so an event is: the largest has two TaskStats of at
 * most 1.6 KiB each, and a Program of 34 KiB. A test encodes it.
 */
#define ENCODED_EVENT_MAX (7168u + PROGRAM_CMDLINE_MAX)

/* An encoded task, as a member of SnapshotPart.tasks: its Program is the most of it. */
#define ENCODED_TASK_MAX (2560u + PROGRAM_CMDLINE_MAX)

/* An encoded sample of a task, as a member of SamplePart.samples or TaskStatsReply.samples: one TaskStats is the most
 * of it. */
#define ENCODED_SAMPLE_MAX 2048u

/* The fields of a sample's last part, which describe the whole sample. */
#define ENCODED_SAMPLE_END_MAX 96u

/* The frame around an answer to GetTaskStats. */
#define ENCODED_STATS_HEADER_MAX (FRAME_PREFIX_MAX + 1 + FRAME_PREFIX_MAX + 1 + 10)

/* The variants in which a feed's events are encoded. */
enum {
        ENCODE_PROGRAM = 1u << 0,       /* with the programs of processes */
        ENCODE_LEFT = 1u << 1,          /* the task leaves the filter */
        ENCODE_PUBLIC = 1u << 2,        /* only data that every user may know: a loss has no count */
        ENCODE_STATUS = 1u << 3,        /* every user may know exit statuses: ENCODE_PUBLIC keeps them */
        ENCODE_PROCESS = 1u << 4,       /* as the process has it: event_of_process() */
        _ENCODE_VARIANTS = 1u << 5,
};

/* The tag and the number of the stream: each reader gets them with the frame. */
#define ENCODED_STREAM_MAX (1 + 5)

/* The frame around the events of a batch: prefix, stream, member of ServerMessage, number and offset. */
#define ENCODED_BATCH_HEADER_MAX (FRAME_PREFIX_MAX + ENCODED_STREAM_MAX + 1 + FRAME_PREFIX_MAX + 1 + 10 + 1 + 8)

/* The frame around the tasks of a snapshot's part. */
#define ENCODED_PART_HEADER_MAX (FRAME_PREFIX_MAX + ENCODED_STREAM_MAX + 1 + FRAME_PREFIX_MAX)

/* Status, Welcome, Subscribed, SnapshotEnd, Error: frames of messages without lists that grow. */
#define ENCODED_REPLY_MAX 8192u

/* See SamplePart. */
struct SampleEnd {
        bool full;
        uint64_t begin_time_ns;
        uint64_t end_time_ns;
        uint64_t span_ns;
        uint64_t forks;
        uint64_t execs;
        uint64_t exits;
        uint64_t lost;
        bool lost_at_least;
};

size_t encode_event_groups(const Event *event, uint32_t variant, uint32_t groups,
                           uint8_t buffer[static ENCODED_EVENT_MAX]);
size_t encode_event(const Event *event, uint32_t variant, uint8_t buffer[static ENCODED_EVENT_MAX]);
size_t encode_batch_header(uint64_t first_number,
                           int64_t time_offset_ns,
                           size_t n_events,
                           uint8_t buffer[static ENCODED_BATCH_HEADER_MAX]);

size_t encode_task(const Task *task,
                   ProcessId parent,
                   ProcessId session_leader,
                   uint32_t variant,
                   bool threads,
                   uint8_t buffer[static ENCODED_TASK_MAX]);
size_t encode_part_header(size_t n_tasks, uint8_t buffer[static ENCODED_PART_HEADER_MAX]);
size_t encode_snapshot_end(uint64_t number,
                           uint64_t tasks,
                           uint64_t time_ns,
                           uint8_t buffer[static ENCODED_REPLY_MAX]);

size_t encode_welcome(const BrokerStatus *status, Access access, uint32_t uid,
                      uint8_t buffer[static ENCODED_REPLY_MAX]);
size_t encode_subscribed(uint64_t request_id,
                         uint64_t feed,
                         uint64_t next_number,
                         bool resumed,
                         const Filter *filter,
                         const FilterStarts *starts,
                         uint8_t buffer[static ENCODED_REPLY_MAX]);
size_t encode_status(uint64_t request_id, const BrokerStatus *status, uint8_t buffer[static ENCODED_REPLY_MAX]);
size_t encode_error(const EncodedError *error, uint8_t buffer[static ENCODED_REPLY_MAX]);
size_t encode_sampling(uint64_t request_id,
                       uint64_t next_number,
                       const Filter *filter,
                       const FilterStarts *starts,
                       uint8_t buffer[static ENCODED_REPLY_MAX]);
size_t encode_named(const Filter *filter, const FilterStarts *starts, uint8_t buffer[static ENCODED_REPLY_MAX]);
size_t encode_unsubscribed(uint64_t request_id, uint8_t buffer[static ENCODED_REPLY_MAX]);
size_t encode_restarted(uint64_t request_id,
                        uint64_t feed,
                        uint64_t next_number,
                        uint64_t unsent,
                        const Filter *filter,
                        const FilterStarts *starts,
                        uint8_t buffer[static ENCODED_REPLY_MAX]);
size_t encode_pong(uint64_t request_id, uint64_t time_ns, uint8_t buffer[static ENCODED_REPLY_MAX]);
size_t encode_sample_loss(uint64_t count, uint8_t buffer[static ENCODED_REPLY_MAX]);

size_t encode_task_sample(const TaskSample *sample, uint32_t variant, uint32_t groups,
                          uint8_t buffer[static ENCODED_SAMPLE_MAX]);
size_t encode_task_sample_answer(const TaskSample *sample, uint32_t variant, uint8_t buffer[static ENCODED_SAMPLE_MAX]);
size_t encode_sample_header(uint64_t number, size_t n_members, uint8_t buffer[static ENCODED_BATCH_HEADER_MAX]);
size_t encode_sample_end(const SampleEnd *end, uint8_t buffer[static ENCODED_SAMPLE_END_MAX]);
size_t encode_stats_header(uint64_t request_id, size_t n_members, uint8_t buffer[static ENCODED_STATS_HEADER_MAX]);
