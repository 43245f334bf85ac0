/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An EventBatch as it came: hands out its events' bytes one by one.
 *
 * Called by the decoder. It looks into no event, and owns no memory: the bytes
 * are the client's receive buffer.
 */

#include <errno.h>

#include "clients/lib/batch.h"

/* Tags of EventBatch, event.proto. A unit test packs one with protobuf-c and reads it here. */
enum {
        BATCH_FIRST_NUMBER = 1,
        BATCH_REALTIME_OFFSET_NS = 2,
        BATCH_EVENTS = 3,
};

/**
 * batch_open() - begin with a batch
 * @batch:      output
 * @data:       the encoded EventBatch; must stay where it is until the last event is taken
 * @n_data:     its length
 *
 * Walks all of it once: fields may come in any order, so that the number of the
 * first event may stand behind it.
 *
 * Return: 0, or -EPROTO.
 */
int batch_open(Batch *batch, const uint8_t *data, size_t n_data) {
        WireCursor cursor = { data, data + n_data };
        WireField field;
        int r;

        *batch = (Batch){ .cursor = cursor };

        while ((r = wire_next(&cursor, &field)) > 0) {
                if (field.number == BATCH_FIRST_NUMBER && field.type == WIRE_VARINT)
                        batch->next_number = field.value;
                else if (field.number == BATCH_REALTIME_OFFSET_NS && field.type == WIRE_FIXED64)
                        batch->realtime_offset_ns = (int64_t)field.value;
                else if (field.number <= BATCH_EVENTS && !(field.number == BATCH_EVENTS && field.type == WIRE_BYTES))
                        r = -EPROTO;
                if (r < 0)
                        break;
        }
        if (r < 0)
                *batch = (Batch)BATCH_NULL;

        return r;
}

/**
 * batch_next() - the next event's bytes
 * @batch:       the batch
 * @ret_event:   the encoded Event
 * @ret_n_event: its length
 *
 * Return: 1; 0 where there are no more; -EPROTO never after a batch_open() that succeeded.
 */
int batch_next(Batch *batch, const uint8_t **ret_event, size_t *ret_n_event) {
        WireField field;
        int r;

        while ((r = wire_next(&batch->cursor, &field)) > 0) {
                if (field.number != BATCH_EVENTS)
                        continue;
                *ret_event = field.data;
                *ret_n_event = field.n_data;
                return 1;
        }

        *batch = (Batch)BATCH_NULL;
        return r;
}
