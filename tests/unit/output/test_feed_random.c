/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Several readers of one feed at random speeds, compared with a model that keeps all bytes
 * that were ever appended. Some readers come back to a former place. Each reader must get
 * exactly the frames, byte for byte, or exactly the count of the events that it lost.
 */

#include "broker/base/util.h"
#include "broker/output/cursor.h"
#include "proto/frame.h"
#include "tests/unit/harness.h"

enum { N_READERS = 6, N_STEPS = 4000, AGE_MAX = 2 };

typedef struct Model Model;
typedef struct Reader Reader;
typedef struct Run Run;

/* All frames, one behind the other, and where each begins; by the number of its first event. */
struct Model {
        uint8_t *bytes;
        size_t n, n_max;
        size_t *frames;         /* by first number; SIZE_MAX: within a frame, or not closed yet */
        size_t *events;         /* by number: where it begins */
        uint64_t *successors;   /* by first number: the next frame's */
        size_t n_frames_max;
        uint64_t n_numbers;     /* the next frame's first number */
};

struct Reader {
        Cursor cursor;
        bool attached;
        unsigned int speed;     /* 0: never reads; else the larger, the more */
        uint64_t next;          /* number of the frame that it must get next */
        size_t n_in_frame;      /* bytes of it that it has */
        uint8_t *split;         /* begun within a frame: what it must get instead */
        size_t n_split;
        uint64_t received, lost;
        uint64_t begun;
};

/* A feed with its readers, and what happened to them. */
struct Run {
        uint64_t state;         /* random numbers */
        Model model;
        Reader readers[N_READERS];
        Feed *feed;
        Quota quota;
        QuotaUser *user;
        uint64_t n_falls, n_splits, n_gone;
};

static void model_init(Model *model) {
        *model = (Model){ .n_max = 64u << 20, .n_frames_max = 1u << 20, .n_numbers = 1 };
        model->bytes = malloc(model->n_max);
        model->frames = malloc(model->n_frames_max * sizeof(*model->frames));
        model->events = malloc(model->n_frames_max * sizeof(*model->events));
        model->successors = calloc(model->n_frames_max, sizeof(*model->successors));
        assert(model->bytes && model->frames && model->events && model->successors);
        memset(model->frames, 0xff, model->n_frames_max * sizeof(*model->frames));
}

static void model_deinit(Model *model) {
        free(model->bytes);
        free(model->frames);
        free(model->events);
        free(model->successors);
}

/* The same batch, by the model's own means. */
static void model_add(Model *model, const uint8_t *events, size_t n_events, const size_t *lengths, size_t n_lengths) {
        uint8_t header[ENCODED_BATCH_HEADER_MAX];
        size_t n = encode_batch_header(model->n_numbers, 5, n_events, header);
        uint64_t next_number = model->n_numbers + n_lengths;

        assert(model->n + n + n_events <= model->n_max && next_number < model->n_frames_max);
        model->frames[model->n_numbers] = model->n;
        model->successors[model->n_numbers] = next_number;
        memcpy(model->bytes + model->n, header, n);
        memcpy(model->bytes + model->n + n, events, n_events);
        model->n += n;
        for (size_t i = 0; i < n_lengths; ++i) {
                model->events[model->n_numbers++] = model->n;
                model->n += lengths[i];
        }
}

/* A frame that begins with any number: a whole frame of the feed, or the rest of a frame. */
static const uint8_t *reader_frame(const Reader *reader, const Model *model, size_t *ret_n, uint64_t *ret_successor) {
        uint64_t first = reader->next;
        size_t end;

        assert(first < model->n_numbers);
        while (model->frames[first] == SIZE_MAX)
                --first;
        *ret_successor = model->successors[first];
        if (reader->split) {
                *ret_n = reader->n_split;
                return reader->split;
        }
        assert(first == reader->next);
        end = *ret_successor < model->n_numbers ? model->frames[*ret_successor] : model->n;
        *ret_n = end - model->frames[first];
        return model->bytes + model->frames[first];
}

static void reader_split(Reader *reader, const Model *model) {
        uint8_t header[ENCODED_BATCH_HEADER_MAX];
        uint64_t successor = reader->next;
        size_t end, n;

        while (successor < model->n_numbers && model->frames[successor] == SIZE_MAX)
                ++successor;
        end = successor < model->n_numbers ? model->frames[successor] : model->n;
        n = encode_batch_header(reader->next, 5, end - model->events[reader->next], header);
        reader->n_split = n + end - model->events[reader->next];
        reader->split = malloc(reader->n_split);
        assert(reader->split);
        memcpy(reader->split, header, n);
        memcpy(reader->split + n, model->bytes + model->events[reader->next], reader->n_split - n);
}

/* A reader's bytes must be equal to the bytes of the frames that come next. */
static void reader_check(Reader *reader, const Model *model, const uint8_t *data, size_t n) {
        while (n > 0) {
                size_t n_frame, n_part;
                uint64_t successor;
                const uint8_t *frame = reader_frame(reader, model, &n_frame, &successor);

                n_part = MIN(n, n_frame - reader->n_in_frame);
                assert(memcmp(data, frame + reader->n_in_frame, n_part) == 0);
                reader->n_in_frame += n_part;
                data += n_part;
                n -= n_part;
                if (reader->n_in_frame == n_frame) {
                        reader->received += successor - reader->next;
                        reader->next = successor;
                        reader->n_in_frame = 0;
                        free(reader->split);
                        reader->split = NULL;
                }
        }
        assert(cursor_is_at_boundary(&reader->cursor) == (reader->n_in_frame == 0));
}

/* A send of at most @n bytes, as the client does it. */
static bool reader_read(Reader *reader, const Model *model, size_t n, uint64_t *state) {
        static uint8_t data[4 * FEED_CHUNK_BYTES];
        static StreamSlices slices;
        size_t n_there = 0;

        if (cursor_must_recover(&reader->cursor)) {
                uint64_t first, lost = cursor_recover(&reader->cursor, &first);

                assert(first == reader->next);
                reader->lost += lost;
                reader->next += lost;
                assert(reader->next <= model->n_numbers);
                return true;
        }
        cursor_slices(&reader->cursor, MIN(n, sizeof(data)), &slices);
        for (size_t i = 0; i < slices.n; ++i) {
                memcpy(data + n_there, slices.slices[i].iov_base, slices.slices[i].iov_len);
                n_there += slices.slices[i].iov_len;
        }
        if (n_there == 0) {
                assert(cursor_is_idle(&reader->cursor));
                assert(reader->next == model->n_numbers);
                return false;
        }
        /* the socket takes as much as it likes */
        if (random_below(state, 3) == 0)
                n_there = 1 + random_below(state, n_there);
        n_there = MIN(n_there, n);
        cursor_advance(&reader->cursor, n_there);
        reader_check(reader, model, data, n_there);
        return true;
}

static void check_feed(const Feed *feed, const Reader *readers) {
        size_t n_bytes = 0;

        for (const List *link = feed->chunks.next; link != &feed->chunks; link = link->next) {
                const FeedChunk *chunk = container_of(link, const FeedChunk, link);
                size_t n_cursors = 0;

                for (size_t i = 0; i < N_READERS; ++i)
                        n_cursors += readers[i].attached && readers[i].cursor.chunk == chunk;
                assert(n_cursors == chunk->n_cursors);
                n_bytes += chunk->n;
        }
        assert(n_bytes == feed->n_bytes && n_bytes <= feed->n_max);
}

/* The bytes that the feed has kept are the end of all bytes that were appended. */
static void check_bytes(const Feed *feed, const Model *model) {
        size_t at = model->n - feed->n_bytes;

        for (const List *link = feed->chunks.next; link != &feed->chunks; link = link->next) {
                const FeedChunk *chunk = container_of(link, const FeedChunk, link);

                assert(chunk->n == 0 || model->frames[chunk->first_number] == at);
                assert(memcmp(chunk->bytes, model->bytes + at, chunk->n) == 0);
                at += chunk->n;
        }
        assert(at == model->n);
}

/* A second passes. Exactly the oldest chunk is freed, if it is old enough and no reader is in it. */
static void age(Feed *feed) {
        const FeedChunk *oldest = container_of(feed->chunks.next, const FeedChunk, link);
        bool may_go = oldest->n_cursors == 0 && oldest->age >= AGE_MAX && &oldest->link != feed->chunks.prev;
        uint64_t first_number = oldest->first_number;
        uint32_t before = feed->age;

        feed_age(feed, AGE_MAX);
        assert(feed->age == (list_is_empty(&feed->cursors) ? before + 1 : 0));
        oldest = container_of(feed->chunks.next, const FeedChunk, link);
        assert((oldest->first_number != first_number) == may_go);
        assert(oldest->age <= AGE_MAX || oldest->n_cursors > 0 || &oldest->link == feed->chunks.prev);
}

static void reader_attach(Reader *reader, Feed *feed, unsigned int speed) {
        *reader = (Reader){ .attached = true, .speed = speed, .next = feed->next_number, .begun = feed->next_number };
        cursor_init(&reader->cursor, 0);
        cursor_attach(&reader->cursor, feed);
}

/* Attaches at a random number, freed or not; often near the oldest number that is kept. */
static void reader_attach_at(Reader *reader, Feed *feed, const Model *model, unsigned int speed, uint64_t *state) {
        uint64_t oldest = container_of(feed->chunks.next, const FeedChunk, link)->first_number, number;

        number = 1 + random_below(state, feed->next_number);
        if (random_below(state, 2))
                number = oldest + random_below(state, feed->next_number - oldest + 1);
        else if (random_below(state, 2))
                number = oldest > 5 ? oldest - random_below(state, 5) : oldest;
        assert(feed_has(feed, number) == (number >= oldest));
        *reader = (Reader){ .attached = true, .speed = speed, .next = number, .begun = number };
        cursor_init(&reader->cursor, 0);
        cursor_attach_at(&reader->cursor, feed, number);
        assert(reader->cursor.fell == (number < oldest));
        assert(cursor_is_at_boundary(&reader->cursor));
        if (number >= oldest && number < feed->next_number && model->frames[number] == SIZE_MAX)
                reader_split(reader, model);
}

/* Reads to the end, or gives up at any byte. */
static void reader_detach(Reader *reader, const Model *model, bool finish, uint64_t *state) {
        if (finish) {
                while (reader_read(reader, model, FEED_CHUNK_BYTES, state))
                        ;
                assert(reader->begun + reader->received + reader->lost == model->n_numbers);
        }
        cursor_deinit(&reader->cursor);
        free(reader->split);
        reader->split = NULL;
        reader->attached = false;
}

static size_t count_chunks(const Feed *feed) {
        size_t n = 0;

        for (const List *link = feed->chunks.next; link != &feed->chunks; link = link->next)
                ++n;
        return n;
}

/* A reader attaches, at the end or at a former place, or detaches. */
static void attach_or_detach(Run *run, Reader *reader) {
        uint64_t *state = &run->state;

        if (!reader->attached && random_below(state, 2)) {
                reader_attach(reader, run->feed, (unsigned int)random_below(state, 4));
        } else if (!reader->attached) {
                reader_attach_at(reader, run->feed, &run->model, (unsigned int)random_below(state, 4), state);
                run->n_splits += reader->split != NULL;
                run->n_gone += reader->cursor.fell;
        } else if (random_below(state, 50) == 0) {
                reader_detach(reader, &run->model, random_below(state, 2), state);
        }
}

/* Appends a batch of 1 to 30 events, as members of an EventBatch. */
static void append_batch(Run *run, size_t n_event_max) {
        static uint8_t batch[FEED_BATCH_MAX];
        size_t n_batch = 0, lengths[30], n_lengths = 0;
        uint64_t *state = &run->state;

        for (uint64_t k = 1 + random_below(state, 30); k > 0; --k) {
                size_t n_body = 5 + random_below(state, n_event_max - 10), n_prefix, n_event;
                uint8_t *event = batch + n_batch;

                if (n_batch + 4 + n_body > FEED_BATCH_MAX - ENCODED_BATCH_HEADER_MAX)
                        break;
                event[0] = 3 << 3 | 2;
                n_prefix = frame_prefix(event + 1, (uint32_t)n_body);
                n_event = 1 + n_prefix + n_body;
                for (size_t b = 1 + n_prefix; b < n_event; ++b)
                        event[b] = (uint8_t)random_next(state);
                feed_append(run->feed, event, n_event, 5);
                n_batch += n_event;
                lengths[n_lengths++] = n_event;
        }
        feed_close_batch(run->feed);
        model_add(&run->model, batch, n_batch, lengths, n_lengths);
        assert(run->model.n_numbers == run->feed->next_number);
}

/* The user is charged for the chunks, and its limit changes. */
static void check_charge(Run *run) {
        Feed *feed = run->feed;

        assert(run->user->used[QUOTA_BYTES] == sizeof(Feed) + count_chunks(feed) * sizeof(FeedChunk));
        if (random_below(&run->state, 40) == 0)
                run->quota.limits.held[QUOTA_BYTES].of_user = random_below(&run->state, 6) * sizeof(FeedChunk);
        if (random_below(&run->state, 200) == 0)
                feed_shrink(feed);
}

static void read_some(Run *run, Reader *reader) {
        static const size_t speeds[] = { 0, 700, 20000, 400000 };
        uint64_t *state = &run->state;

        run->n_falls += reader->cursor.fell;
        if (reader->speed == 0 || random_below(state, 5) == 0)
                return;
        /* a stalled reader resumes now and then, at another speed */
        if (random_below(state, 300) == 0)
                reader->speed = (unsigned int)random_below(state, 4);
        for (uint64_t k = random_below(state, 4); k > 0; --k)
                if (!reader_read(reader, &run->model, 1 + random_below(state, speeds[reader->speed] + 1), state))
                        break;
}

/* @poor: the limit of the user's memory changes, down to no room for another chunk. */
static void test_random(uint64_t seed, size_t n_max, size_t n_event_max, bool poor) {
        Run run = { .state = seed };
        Reader *readers = run.readers;

        assert(feed_new(&run.feed, 1, &(SubscriptionKey){ .kinds = 2 }, n_max) == 0);
        model_init(&run.model);
        quota_init(&run.quota, &quota_limits_default);
        run.user = quota_user_get(&run.quota, 1000, 1);
        if (poor)
                assert(feed_charge(run.feed, run.user) == 0);

        for (int step = 0; step < N_STEPS && run.model.n < run.model.n_max - 2 * FEED_BATCH_MAX; ++step) {
                attach_or_detach(&run, &readers[random_below(&run.state, N_READERS)]);
                append_batch(&run, n_event_max);
                check_feed(run.feed, readers);
                if (poor)
                        check_charge(&run);
                if (random_below(&run.state, 20) == 0)
                        age(run.feed);
                if (random_below(&run.state, 50) == 0)
                        check_bytes(run.feed, &run.model);
                for (size_t i = 0; i < N_READERS; ++i)
                        if (readers[i].attached)
                                read_some(&run, &readers[i]);
                check_feed(run.feed, readers);
        }

        for (size_t i = 0; i < N_READERS; ++i)
                if (readers[i].attached)
                        reader_detach(&readers[i], &run.model, true, &run.state);
        assert(run.n_falls > 0 && run.n_splits > 5 && run.n_gone > 5);
        feed_free(run.feed);
        quota_user_unref(run.user);
        quota_deinit(&run.quota);
        model_deinit(&run.model);
}

int main(void) {
        static const uint64_t seeds[] = { 1, 0x5eed, 0xfeedfacecafebeef, 42424242 };

        for (size_t i = 0; i < ARRAY_SIZE(seeds); ++i) {
                test_random(seeds[i], 0, 60, false);
                test_random(seeds[i] + 1, 0, 3000, false);
                test_random(seeds[i] + 2, 3 * FEED_CHUNK_BYTES + 777, 900, false);
                if (i < 2)
                        test_random(seeds[i] + 3, 5 * FEED_CHUNK_BYTES, 900, true);
        }
        return 0;
}
