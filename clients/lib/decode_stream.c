/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The messages about a stream as a whole: it begins, begins anew, ends, or names a process.
 *
 * Called by decode_frame.c.
 */

#include "clients/lib/decode_parts.h"
#include "clients/lib/wire.h"

/**
 * decoder_peek_stream() - find the number of a frame's stream
 * @data:       the frame's message
 * @n_data:     its length
 *
 * Return: The number, as the broker has it; 0: the frame has none, or is malformed, which
 *         decoder_begin() reports.
 */
uint32_t decoder_peek_stream(const uint8_t *data, size_t n_data) {
        WireCursor cursor = { data, data + n_data };
        uint32_t stream = 0;
        WireField field;

        while (wire_next(&cursor, &field) > 0)
                if (field.number == DECODE_MESSAGE_STREAM && field.type == WIRE_VARINT)
                        stream = (uint32_t)field.value;

        return stream;
}

/* Keeps the starts of an answer; NULL: its filter has no numbers. */
void decoder_keep_starts(Decoder *decoder, const Taskbroker__V1__FilterStarts *wire) {
        NamedStarts *starts = &decoder->starts;

        *starts = (NamedStarts){ 0 };
        if (!wire)
                return;
        for (; starts->n_pids < wire->n_pids && starts->n_pids < TB_FILTER_PIDS_MAX; ++starts->n_pids)
                starts->pids[starts->n_pids] = wire->pids[starts->n_pids];
        for (; starts->n_subtrees < wire->n_subtrees && starts->n_subtrees < TB_FILTER_SUBTREES_MAX;
             ++starts->n_subtrees)
                starts->subtrees[starts->n_subtrees] = wire->subtrees[starts->n_subtrees];
}

int decoder_subscribed(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__Subscribed *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__subscribed__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a Subscribed is malformed");

        decoder_keep_starts(decoder, wire->starts);
        decoder->subscribed = (struct tb_subscribed){
                .feed = wire->feed,
                .next_number = wire->next_number,
                .resumed = wire->resumed,
        };
        decoder->message = (struct tb_message){
                .type = TB_MESSAGE_SUBSCRIBED,
                .request_id = wire->request_id,
                .subscribed = &decoder->subscribed,
        };

        return 1;
}

int decoder_named(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__Named *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__named__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a Named is malformed");

        decoder_keep_starts(decoder, wire->starts);
        decoder->starts_changed = true;
        return 0;
}

int decoder_restarted(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__Restarted *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__restarted__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "a Restarted is malformed");

        decoder_keep_starts(decoder, wire->starts);
        decoder->restarted = (struct tb_restarted){
                .feed = wire->feed,
                .next_number = wire->next_number,
                .unsent = wire->unsent,
        };
        decoder->message = (struct tb_message){
                .type = TB_MESSAGE_RESTARTED,
                .request_id = wire->request_id,
                .restarted = &decoder->restarted,
        };

        return 1;
}

int decoder_unsubscribed(Decoder *decoder, const uint8_t *data, size_t n_data) {
        const Taskbroker__V1__Unsubscribed *wire;

        wire = (void *)decode_unpack(&decoder->arena, &taskbroker__v1__unsubscribed__descriptor, data, n_data);
        if (!wire)
                return decoder_not_unpacked(decoder, &decoder->arena, "an Unsubscribed is malformed");

        decoder->message = (struct tb_message){ .type = TB_MESSAGE_UNSUBSCRIBED, .request_id = wire->request_id };
        return 1;
}
