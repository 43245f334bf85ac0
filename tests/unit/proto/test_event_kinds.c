/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Each kind of proto/event_kinds.h, all the way: the kernel's bytes, the broker's Event, the
 * wire, the library's tb_event, and JSON. The fields come from the rows, each with a value
 * of its own, so that a new row is tested without a line here.
 */

#include <json-c/json.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>

#include "broker/base/clock.h"
#include "broker/base/util.h"
#include "broker/kernel/proc_message.h"
#include "broker/output/encode.h"
#include "broker/output/request_decode.h"
#include "clients/cli/base/option.h"
#include "clients/cli/json/json.h"
#include "clients/lib/decode.h"
#include "clients/lib/encode_request.h"
#include "tests/unit/harness.h"

enum { EVENT_DATA = 16 + 20 + 16, MESSAGE_SIZE = EVENT_DATA + 24 };

/* In the kernel's event data each word has a value of its own, below the largest pid. */
static uint32_t word_at(uint32_t kind, size_t at) {
        return 1000 * kind + (uint32_t)at;
}

/* A COMM of a row, in place of what the kernel or the join would fill in. */
static void comm_of(uint32_t kind, const char *name, char comm[static 16]) {
        snprintf(comm, 16, "%s-%u", name, kind);
}

/* A message of the proc connector, of the kernel's kind @what. */
static void make_message(uint8_t message[static MESSAGE_SIZE], uint32_t kind, uint32_t what) {
        memset(message, 0, MESSAGE_SIZE);
        put_u32(message, 0, MESSAGE_SIZE);
        put_u16(message, 4, NLMSG_DONE);
        put_u32(message, 16, CN_IDX_PROC);
        put_u32(message, 20, CN_VAL_PROC);
        put_u16(message, 32, MESSAGE_SIZE - 36);
        put_u32(message, 36, what);
        put_u32(message, 40, 3);
        put_u64(message, 44, 77);
        for (size_t at = 0; at < 24; at += 4)
                put_u32(message, EVENT_DATA + at, word_at(kind, at));
}

/* Makes an event as the connector and the join do: the rows fill in each field that the kernel does not send. */
static Event make_event(EventKind kind) {
        _Alignas(8) uint8_t data[MESSAGE_SIZE];
        ProcMessage message = { 0 };
        Event *event = &message.event;

        switch (kind) {
#define PARSED(kernel, task_at)                                                                                        \
        make_message(data, kind, kernel);                                                                              \
        if (kind == EVENT_EXEC) /* both of its numbers are the same */                                                 \
                put_u32(data, EVENT_DATA + (task_at), word_at(kind, (task_at) + 4));                                   \
        assert(proc_message_parse(data, sizeof(data), &message) == 0);                                                 \
        assert(event->kind == kind && event->cpu == 3 && message.monotonic_ns == 77);                                  \
        assert(event->pid == word_at(kind, (task_at) + 4));                                                            \
        assert(event->tid == word_at(kind, kind == EVENT_EXEC ? 4 : (task_at)));
#define CHECK_U32(member, name, at) assert(event->member.name == word_at(kind, at));
#define CHECK_COMM(member, name, at) assert(!"a parser of fields that are names");
/* the join fills these in */
#define CHECK_PROCESS(member, name, at)                                                                                \
        event->member.name = (ProcessId){ .pid = 81, .known = true, .start_time_ns = 82 };
#define CHECK_START(member, name, at) event->member.name = 83;
#define CHECK(member, name, type, at, json) CHECK_##type(member, name, at)
#define FILL_U32(member, name, at) event->member.name = word_at(kind, at);
#define FILL_COMM(member, name, at) comm_of(kind, #name, event->member.name);
#define FILL_PROCESS(member, name, at) CHECK_PROCESS(member, name, at)
#define FILL_START(member, name, at) CHECK_START(member, name, at)
#define FILL(member, name, type, at, json) FILL_##type(member, name, at)
#define MAKE_FIELDS(kernel, task_at, member) PARSED(kernel, task_at) EVENT_FIELDS_##member(CHECK)
#define MAKE_OWN(kernel, task_at, member) PARSED(kernel, task_at) EVENT_FIELDS_##member(FILL)
#define MAKE_NONE(kernel, task_at, member) *event = (Event){ .kind = kind }; EVENT_FIELDS_##member(FILL)
#define KIND(NAME, name, number, kernel, task_at, parse, member, ...)                                                  \
        case EVENT_##NAME:                                                                                             \
                MAKE_##parse(kernel, task_at, member)                                                                  \
                break;
                EVENT_KINDS(KIND)
#undef KIND
        default:
                assert(0);
        }

        return *event;
}

/* The event in a frame of its own, through the library's decoder. */
static const struct tb_event *send_event(Decoder *decoder, const Event *event) {
        static uint8_t frame[ENCODED_BATCH_HEADER_MAX + ENCODED_EVENT_MAX];
        uint8_t encoded[ENCODED_EVENT_MAX];
        size_t n_event, n_header, n_prefix, n_message;

        n_event = encode_event(event, 0, encoded);
        n_header = encode_batch_header(5, 0, n_event, frame);
        memcpy(frame + n_header, encoded, n_event);
        assert(frame_parse(frame, n_header + n_event, FRAME_MAX_FROM_BROKER, &n_prefix, &n_message) == 0);

        decoder->welcomed = true;
        assert(decoder_begin(decoder, frame + n_prefix, n_message) == 0);
        assert(decoder_next(decoder) == 1 && decoder->message.type == TB_MESSAGE_EVENT);
        return decoder->message.event;
}

static void check_json_u32(struct json_object *object, const char *key, uint32_t due) {
        struct json_object *value;

        assert(json_object_object_get_ex(object, key, &value) && json_object_get_uint64(value) == due);
}

static void check_json_comm(struct json_object *object, const char *key, const char *due) {
        struct json_object *value;

        assert(json_object_object_get_ex(object, key, &value) && strcmp(json_object_get_string(value), due) == 0);
}

static void check_json_id(struct json_object *object, const char *key, const struct tb_process_id *due) {
        char id[48];

        snprintf(id, sizeof(id), "%" PRIu32 "-%" PRIu64, due->pid, due->start_boot_ns);
        check_json_comm(object, key, id);
}

static void check_received(const struct tb_event *event, const Event *sent, struct json_object *object) {
        assert((int)event->kind == (int)sent->kind && event->number == 5);
        assert(event->pid == sent->pid && event->tid == sent->tid && event->cpu == sent->cpu);
        check_json_comm(object, "kind", tb_kind_name(event->kind));

        switch (sent->kind) {
#define JSON_SHOWN(call) call
#define JSON_HIDDEN(call)
#undef CHECK_U32
#define CHECK_U32(member, name, json)                                                                                  \
        assert(event->member.name == sent->member.name && event->member.name != 0);                                    \
        JSON_##json(check_json_u32(object, #name, sent->member.name);)
#undef CHECK_COMM
#define CHECK_COMM(member, name, json)                                                                                 \
        assert(strcmp(event->member.name, sent->member.name) == 0 && *event->member.name);                             \
        JSON_##json(check_json_comm(object, #name, sent->member.name);)
#undef CHECK_PROCESS
#define CHECK_PROCESS(member, name, json)                                                                              \
        assert(event->member.name.known && event->member.name.pid == 81);                                              \
        assert(event->member.name.start_boot_ns == 82 - (uint64_t)clock_boot_epoch_ns());                              \
        JSON_##json(check_json_id(object, #name "_id", &event->member.name);)
#undef CHECK_START
#define CHECK_START(member, name, json)                                                                                \
        assert(event->member.name == sent->member.name && event->member.name != 0);                                    \
        JSON_##json(check_json_u32(object, #name, 83);)
#undef CHECK
#define CHECK(member, name, type, at, json) CHECK_##type(member, name, json)
#define KIND(NAME, name, number, kernel, task_at, parse, member, ...)                                                  \
        case EVENT_##NAME:                                                                                             \
                assert(strcmp(tb_kind_name(event->kind), #name) == 0);                                                 \
                EVENT_FIELDS_##member(CHECK)                                                                           \
                break;
                EVENT_KINDS(KIND)
#undef KIND
        default:
                assert(0);
        }
}

static void test_way(void) {
        static const EventKind kinds[] = {
#define KIND(NAME, ...) EVENT_##NAME,
                EVENT_KINDS(KIND)
#undef KIND
        };
        static Decoder decoder;

        for (size_t i = 0; i < ARRAY_SIZE(kinds); ++i) {
                Event sent = make_event(kinds[i]);
                const struct tb_event *event = send_event(&decoder, &sent);
                struct json_object *object = json_event(event);

                check_received(event, &sent, object);
                json_object_put(object);
                decoder_restart(&decoder);
        }
        decoder_deinit(&decoder);
}

/* Each kind by its name is an option's value, and each is in a request for all kinds. */
static void test_requests(void) {
        static uint8_t frame[ENCODE_REQUEST_MAX];
        static Request request;
        struct tb_subscription subscription = { .kinds = TB_KINDS_ALL };
        size_t n_prefix, n_message, n;
        uint32_t kinds = 0, all = 0;
        EncodedError error;
        char wrong[80];

#define KIND(NAME, name, ...)                                                                                          \
        assert(option_read_kinds(#name, &kinds, wrong, sizeof(wrong)) && kinds == EVENT_BIT(EVENT_##NAME));            \
        assert(event_kind_is_known(EVENT_##NAME));                                                                     \
        all |= kinds;
        EVENT_KINDS(KIND)
#undef KIND
        assert(option_read_kinds("all", &kinds, wrong, sizeof(wrong)) && kinds == all && all == TB_KINDS_ALL);
        assert(!event_kind_is_known(0) && !event_kind_is_known(EVENT_KINDS_N) && !event_kind_is_known(-1));
        assert(event_default_kinds() == TB_KINDS_DEFAULT);

        n = encode_subscribe(frame, 7, &subscription, NULL, NULL);
        assert(frame_parse(frame, n, FRAME_MAX_FROM_CLIENT, &n_prefix, &n_message) == 0);
        assert(request_decode(frame + n_prefix, n_message, &request, &error) == 0);
        assert(request.subscription.key.kinds == all);
}

int main(void) {
        test_way();
        test_requests();
        return 0;
}
