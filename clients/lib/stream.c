/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A stream of the program, over all its connections: its subscription with the present filter,
 * the processes that the filter names, and the first event that the program has not got.
 *
 * Owns a copy of what the program passed. It neither sends nor receives: session_streams.c
 * does, its caller.
 */

#include <errno.h>
#include <stdlib.h>

#include "clients/lib/stream.h"

/**
 * stream_new() - remember what the program asks for
 * @ret_stream:   the stream, not asked for yet
 * @subscription: a checked subscription, which is copied with all that it points to
 * @sampling:     the same, in its place: one of them is NULL
 *
 * Return: 0; -ENOMEM.
 */
int stream_new(Stream **ret_stream, const struct tb_subscription *subscription, const struct tb_sampling *sampling) {
        FilterCopy *filter;
        Stream *stream;

        stream = calloc(1, sizeof(*stream));
        filter = calloc(1, sizeof(*filter));
        if (!stream || !filter || filter_copy_set(filter, sampling ? &sampling->filter : &subscription->filter) < 0) {
                free(filter);
                free(stream);
                return -ENOMEM;
        }

        stream->samples = sampling;
        if (sampling)
                stream->sampling = *sampling;
        else
                stream->subscription = *subscription;
        if (stream->subscription.resume) {
                stream->has_former = true;
                stream->former = *stream->subscription.resume;
                stream->subscription.resume = NULL;
        }
        stream_set_filter(stream, filter);

        *ret_stream = stream;
        return 0;
}

Stream *stream_free(Stream *stream) {
        filter_copy_deinit(stream->filter);
        free(stream->filter);
        free(stream);

        return NULL;
}

/**
 * stream_set_filter() - give a stream another filter
 * @stream:     the stream
 * @filter:     owned by the stream from now on; the caller has taken the former one
 */
void stream_set_filter(Stream *stream, FilterCopy *filter) {
        stream->filter = filter;
        stream->subscription.filter = filter->filter;
        stream->sampling.filter = filter->filter;
}

/* The connection is lost. The stream is to be asked for on the next one. */
void stream_set_lost(Stream *stream, uint64_t now_ns) {
        if (stream->state != STREAM_DUE && !stream->lost_time_ns)
                stream->lost_time_ns = now_ns;
        stream->state = STREAM_DUE;
        stream->put_off = false;
        stream->restart_reason = NULL;
        stream->broker_number = 0;
        stream->asked_id = 0;
        stream->partial = (PartialSample){ 0 };
}

/* The stream begins, or begins anew, at this place. */
void stream_set_place(Stream *stream, uint64_t epoch, uint64_t feed, uint64_t next_number, const NamedStarts *starts) {
        stream->starts = *starts;
        stream->epoch = epoch;
        stream->feed = feed;
        stream->next_number = next_number;
        stream->partial = (PartialSample){ 0 };
}

/*
 * A number that no process had names the first process that gets it. The stream reports that process first of all that
 * get the number.
 */
static void stream_name(Stream *stream, uint32_t pid, uint32_t tid, uint64_t start_boot_ns) {
        const struct tb_filter *filter = &stream->filter->filter;
        NamedStarts *starts = &stream->starts;

        for (size_t i = 0; i < starts->n_pids && i < filter->n_pids && pid == tid; ++i)
                if (filter->pids[i] == pid && starts->pids[i] == 0)
                        starts->pids[i] = start_boot_ns;
}

/**
 * stream_track() - keep the program's place
 * @stream:     the stream
 * @message:    a message of it, which the program gets
 */
void stream_track(Stream *stream, const struct tb_message *message) {
        const struct tb_event *event = message->event;

        switch (message->type) {
        case TB_MESSAGE_SNAPSHOT_END:
                stream->resumable = true;
                break;
        case TB_MESSAGE_TASK_SAMPLE:
                stream_name(stream, message->task_sample->pid, message->task_sample->tid,
                            message->task_sample->start_boot_ns);
                break;
        case TB_MESSAGE_EVENT:
                stream_name(stream, event->pid, event->tid, event->start_boot_ns);
                stream->next_number = event->number + 1;
                if (event->kind == TB_KIND_LOSS && event->loss.source == TB_LOSS_SOURCE_READER)
                        stream->next_number = event->number + event->loss.count;
                break;
        default:
                break;
        }
}
