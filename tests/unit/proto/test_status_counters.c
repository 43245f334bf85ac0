/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Each counter of proto/status_counters.h, all the way: the broker's status, the wire, the
 * library's tb_status, JSON and the text. The values come from the rows, no two alike, so
 * that a new row is tested without a line here.
 */

#include <assert.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "broker/output/encode.h"
#include "clients/cli/base/format.h"
#include "clients/cli/json/json.h"
#include "clients/cli/text/status_text.h"
#include "clients/lib/decode.h"

static const KernelFeatures features = { .release = "6.1", .taskstats_version = 13 };

/* Below 10000, so that the text has all digits of a count. */
static BrokerStatus make_status(void) {
        BrokerStatus status = { .features = &features };
        uint64_t value = 1001;

#define SET(name, ...) status.name = value++;
        STATUS_COUNTERS(SET)
#undef SET
#define SET(name, ...)                                                                                                 \
        status.connector.name = value++;                                                                               \
        status.taskstats.name = value++;
        STATUS_SOURCE_COUNTERS(SET)
#undef SET
        for (unsigned int kind = 0; kind < _EVENT_KIND_N; ++kind)
                status.events[kind] = event_kind_is_known(kind) ? value++ : 0;
        status.withheld = false;
        status.n_clients = STATUS_CLIENTS_MAX;
        for (uint32_t i = 0; i < STATUS_CLIENTS_MAX; ++i) {
                status.clients[i] = (ClientCount){ .uid = i, .connections = i + 1, .streams = i + 2 };
                memset(status.clients[i].info.name, 'n', CLIENT_INFO_TEXT - 1);
                memset(status.clients[i].info.version, 'v', i);
        }
        return status;
}

static const struct tb_status *send_status(Decoder *decoder, const BrokerStatus *status) {
        static uint8_t frame[ENCODED_REPLY_MAX];
        size_t n = encode_status(7, status, frame), n_prefix, n_message;

        assert(frame_parse(frame, n, FRAME_MAX_FROM_BROKER, &n_prefix, &n_message) == 0);
        decoder->welcomed = true;
        assert(decoder_begin(decoder, frame + n_prefix, n_message) == 1);
        assert(decoder->message.type == TB_MESSAGE_STATUS && decoder->message.request_id == 7);
        return decoder->message.status;
}

static void check_received(const struct tb_status *got, const BrokerStatus *sent) {
#define CHECK(name, ...) assert(got->name == sent->name);
        STATUS_COUNTERS(CHECK)
#undef CHECK
#define CHECK(name, ...)                                                                                               \
        assert(got->connector.name == sent->connector.name && got->taskstats.name == sent->taskstats.name);
        STATUS_SOURCE_COUNTERS(CHECK)
#undef CHECK
        assert(got->n_clients == STATUS_CLIENTS_MAX);
        for (size_t i = 0; i < got->n_clients; ++i) {
                const struct tb_client_count *to = &got->clients[i];
                const ClientCount *from = &sent->clients[i];

                assert(to->uid == from->uid && to->connections == from->connections && to->streams == from->streams);
                assert(!strcmp(to->name, from->info.name) && !strcmp(to->version, from->info.version));
        }
        assert(got->n_events == _EVENT_KIND_N);
        for (size_t kind = 0; kind < got->n_events; ++kind)
                assert(got->events[kind] == sent->events[kind]);
}

static uint64_t number_in(struct json_object *object, const char *key) {
        struct json_object *value;

        assert(json_object_object_get_ex(object, key, &value));
        return json_object_get_uint64(value);
}

static void check_json(const BrokerStatus *sent, const struct tb_status *got) {
        struct json_object *object = json_status(got), *connector, *taskstats, *events;

        assert(json_object_object_get_ex(object, "connector", &connector));
        assert(json_object_object_get_ex(object, "taskstats", &taskstats));
        assert(json_object_object_get_ex(object, "events", &events));
#define CHECK(name, ...) assert(number_in(object, #name) == sent->name);
        STATUS_COUNTERS(CHECK)
#undef CHECK
#define CHECK(name, ...)                                                                                               \
        assert(number_in(connector, #name) == sent->connector.name);                                                   \
        assert(number_in(taskstats, #name) == sent->taskstats.name);
        STATUS_SOURCE_COUNTERS(CHECK)
#undef CHECK
#define CHECK(NAME, name, ...) assert(number_in(events, #name) == sent->events[EVENT_##NAME]);
        EVENT_KINDS(CHECK)
#undef CHECK
        json_object_put(object);
}

static void check_line(const char *text, const char *label, const char *value) {
        char line[128];

        snprintf(line, sizeof(line), "\n  %-35s %15s\n", label, value);
        assert(strstr(text, line));
}

static void check_text(const BrokerStatus *sent, const struct tb_status *got) {
        char text[STATUS_TEXT_MAX], value[FORMAT_MAX];

        status_text(text, got);
#define CHECK_COUNT(name, label) check_line(text, label, format_count(value, sent->name));
#define CHECK_BYTES(name, label) check_line(text, label, format_bytes(value, sent->name));
#define CHECK_TIME(name, label) check_line(text, label, format_duration(value, sent->name));
#define IN_NOW(name, unit, label) CHECK_##unit(name, label)
#define IN_SINCE_START(name, unit, label) CHECK_##unit(name, label)
#define IN_NOWHERE(name, unit, label)
#define CHECK(name, unit, access, section, place, label) IN_##section(name, unit, label)
        STATUS_COUNTERS(CHECK)
#undef CHECK
#define CHECK(name, unit, access, width, label) assert(strstr(text, " " label));
        STATUS_SOURCE_COUNTERS(CHECK)
#undef CHECK
#define CHECK(NAME, name, ...) assert(strstr(text, "\n  " #name));
        EVENT_KINDS(CHECK)
#undef CHECK
}

/* A withheld counter is null in JSON, whatever is in the struct. */
static void check_withheld(const struct tb_status *got) {
        struct tb_status withheld = *got;
        struct json_object *object, *value;

        withheld.withheld = withheld.machine_withheld = true;
        object = json_status(&withheld);
#define NULL_ALL true
#define NULL_MACHINE true
#define NULL_ANY false
#define CHECK(name, unit, access, ...)                                                                                 \
        assert(json_object_object_get_ex(object, #name, &value) && (value == NULL) == NULL_##access);
        STATUS_COUNTERS(CHECK)
#undef CHECK
        json_object_put(object);
}

int main(void) {
        static Decoder decoder;
        BrokerStatus sent = make_status();
        const struct tb_status *got = send_status(&decoder, &sent);

        check_received(got, &sent);
        check_json(&sent, got);
        check_text(&sent, got);
        check_withheld(got);
        decoder_deinit(&decoder);
        return 0;
}
