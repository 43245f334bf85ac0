/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Samples, and answers to questions for statistics: both are lists of TaskSamples, which
 * are decoded one by one, as the program takes them, in the memory of one.
 *
 * Called by decode_frame.c.
 */

#include <errno.h>

#include "clients/lib/decode_parts.h"

/* Tags of SamplePart and TaskStatsReply, sample.proto. */
enum {
        SAMPLE_SAMPLES = 1,
        SAMPLE_NUMBER = 2,
        SAMPLE_LAST = 3,
        SAMPLE_FULL = 4,
        SAMPLE_BEGIN_TIME_NS = 5,
        SAMPLE_END_TIME_NS = 6,
        SAMPLE_SPAN_NS = 7,
        SAMPLE_FORKS = 8,
        SAMPLE_EXECS = 9,
        SAMPLE_EXITS = 10,
        SAMPLE_LOST = 11,
        SAMPLE_LOST_AT_LEAST = 12,
        STATS_REQUEST_ID = 1,
        STATS_SAMPLES = 2,
};

#define MALFORMED_SAMPLE "a SamplePart is malformed"
#define MALFORMED_STATS "a TaskStatsReply is malformed"

/* The sample of the frame's stream. */
static PartialSample *samples_partial(Decoder *decoder) {
        return decoder->partial ? decoder->partial : &decoder->partial_alone;
}

static unsigned int samples_type(uint32_t number, bool answer) {
        if (number == (answer ? STATS_SAMPLES : SAMPLE_SAMPLES))
                return WIRE_BYTES;
        if (!answer && (number == SAMPLE_BEGIN_TIME_NS || number == SAMPLE_END_TIME_NS))
                return WIRE_FIXED64;

        return WIRE_VARINT;
}

static void samples_note(Decoder *decoder, const WireField *field) {
        PartialSample *partial = samples_partial(decoder);
        struct tb_sample *sample = &partial->sample;

        switch (field->number) {
        case SAMPLE_NUMBER:
                if (!partial->first_number)
                        partial->first_number = field->value;
                sample->number = field->value - partial->first_number + 1;
                break;
        case SAMPLE_LAST:
                decoder->sample_is_last = field->value;
                break;
        case SAMPLE_FULL:
                sample->full = field->value;
                break;
        case SAMPLE_BEGIN_TIME_NS:
                sample->begin_time_ns = field->value;
                break;
        case SAMPLE_END_TIME_NS:
                sample->end_time_ns = field->value;
                break;
        case SAMPLE_SPAN_NS:
                sample->span_ns = field->value;
                break;
        case SAMPLE_FORKS:
                sample->forks = field->value;
                break;
        case SAMPLE_EXECS:
                sample->execs = field->value;
                break;
        case SAMPLE_EXITS:
                sample->exits = field->value;
                break;
        case SAMPLE_LOST:
                sample->lost = field->value;
                break;
        case SAMPLE_LOST_AT_LEAST:
                sample->lost_at_least = field->value;
                break;
        default:
                break;
        }
}

/**
 * decoder_open_samples() - begin with a part of a sample, or an answer
 * @decoder:    the decoder
 * @data:       the encoded SamplePart, or TaskStatsReply; must stay where it is until the last task is taken
 * @n_data:     its length
 * @answer:     it is a TaskStatsReply
 *
 * Return: 0, or -EPROTO.
 */
int decoder_open_samples(Decoder *decoder, const uint8_t *data, size_t n_data, bool answer) {
        WireCursor cursor = { data, data + n_data };
        WireField field;
        int r;

        decoder->samples = cursor;
        decoder->samples_answer = answer;
        decoder->samples_request_id = 0;
        decoder->sample_is_last = false;
        decoder->samples_end_sent = false;

        while ((r = wire_next(&cursor, &field)) > 0) {
                if (field.number > (answer ? STATS_SAMPLES : SAMPLE_LOST_AT_LEAST))
                        continue;
                if (field.type != samples_type(field.number, answer))
                        return decoder_refuse(decoder, answer ? MALFORMED_STATS : MALFORMED_SAMPLE);
                if (!answer)
                        samples_note(decoder, &field);
                else if (field.number == STATS_REQUEST_ID)
                        decoder->samples_request_id = field.value;
        }
        if (r < 0)
                return decoder_refuse(decoder, answer ? MALFORMED_STATS : MALFORMED_SAMPLE);

        decoder->in_samples = true;
        return 0;
}

static void decode_task_sample(struct tb_task_sample *sample, struct tb_task_stats *stats,
                               const Taskbroker__V1__TaskSample *wire) {
        *sample = (struct tb_task_sample){
                .pid = wire->pid,
                .tid = wire->tid,
                .ppid = wire->ppid,
                .maker = decode_process_id(wire->maker),
                .parent = decode_process_id(wire->parent),
                .session = wire->session,
                .session_leader = decode_process_id(wire->session_leader),
                .uid = wire->uid,
                .start_time_ns = wire->start_time_ns,
                .start_boot_ns = wire->start_boot_ns,
                .time_ns = wire->time_ns,
                .tasks = wire->live_tasks,
                .kernel_thread = wire->kernel_thread,
                .task_unknown = wire->task_unknown,
                .gone = wire->state == TASKBROKER__V1__SAMPLE_STATE__SAMPLE_STATE_GONE,
                .lost = wire->state == TASKBROKER__V1__SAMPLE_STATE__SAMPLE_STATE_LOST,
                .ended = wire->ended,
                .termination = decode_termination(wire->termination, wire->termination_missing),
                .stats_missing = (enum tb_stats_missing)wire->stats_missing,
        };
        decode_comm(sample->comm, wire->comm);
        sample->comm_stale = wire->comm_stale;
        if (wire->stats) {
                decode_task_stats(stats, wire->stats);
                sample->stats = stats;
        }
}

/* The end of the list: first report that the sample, or the answer, is complete, if it is. */
static int decoder_end_samples(Decoder *decoder) {
        if (decoder->samples_end_sent || (!decoder->samples_answer && !decoder->sample_is_last)) {
                decoder->in_samples = false;
                return 0;
        }

        decoder->samples_end_sent = true;
        if (decoder->samples_answer) {
                decoder->message = (struct tb_message){
                        .type = TB_MESSAGE_STATS_END,
                        .request_id = decoder->samples_request_id,
                };
                return 1;
        }

        decoder->sample_done = samples_partial(decoder)->sample;
        samples_partial(decoder)->sample = (struct tb_sample){ 0 };
        decoder->message = (struct tb_message){ .type = TB_MESSAGE_SAMPLE, .sample = &decoder->sample_done };
        return 1;
}

/**
 * decoder_next_sample() - take the next task of a sample, or of an answer
 * @decoder:    the decoder, in one
 *
 * Return: 1: decoder->message is set; 0: the frame is at its end; -EPROTO, with
 *         decoder->reason; -ENOMEM.
 */
int decoder_next_sample(Decoder *decoder) {
        const uint32_t tasks = decoder->samples_answer ? STATS_SAMPLES : SAMPLE_SAMPLES;
        const Taskbroker__V1__TaskSample *wire;
        WireField field;

        while (wire_next(&decoder->samples, &field) > 0) {
                if (field.number != tasks)
                        continue;
                wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__task_sample__descriptor, field.data,
                                             field.n_data);
                if (!wire)
                        return decoder_not_unpacked(decoder, &decoder->arena, "a TaskSample is malformed");

                decode_task_sample(&decoder->task_sample, &decoder->stats, wire);
                if (!decoder->samples_answer)
                        ++samples_partial(decoder)->sample.tasks;
                decoder->message = (struct tb_message){
                        .type = TB_MESSAGE_TASK_SAMPLE,
                        .request_id = decoder->samples_request_id,
                        .task_sample = &decoder->task_sample,
                };
                return 1;
        }

        return decoder_end_samples(decoder);
}

int decoder_sampling(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__SubscribedSamples *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__subscribed_samples__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a SubscribedSamples is malformed");

        decoder_keep_starts(decoder, wire->starts);
        decoder->message = (struct tb_message){ .type = TB_MESSAGE_SAMPLING, .request_id = wire->request_id };
        return 1;
}

/* The next sample reports the loss. */
int decoder_sample_loss(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__SampleLoss *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__sample_loss__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a SampleLoss is malformed");

        samples_partial(decoder)->sample.samples_lost += wire->count;
        samples_partial(decoder)->sample.tasks = 0;
        return 0;
}
