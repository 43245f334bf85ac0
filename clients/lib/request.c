/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a program can ask for: checked here, so that it learns at once what cannot be,
 * and queued.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "taskbroker/taskbroker.h"

#include "clients/lib/client.h"

#define CLIENT_MAX_DELAY_MS 60000u
#define CLIENT_SAMPLE_MS_MIN 100u
#define CLIENT_SAMPLE_MS_MAX 60000u

static int client_check_texts(struct tb_client *client, const char *const *texts, size_t n_texts, size_t n_max, const char *what) {
        for (size_t i = 0; i < n_texts; ++i) {
                if (texts[i][0] && strlen(texts[i]) <= n_max)
                        continue;
                client_say(client, "Each %s of a filter has 1 to %zu bytes.", what, n_max);
                return -EINVAL;
        }

        return 0;
}

static int client_check_filter(struct tb_client *client, const struct tb_filter *filter) {
        const struct {
                const char *what;
                size_t n, n_max;
        } lists[] = {
                { "users", filter->n_uids, TB_FILTER_UIDS_MAX },
                { "processes", filter->n_pids, TB_FILTER_PIDS_MAX },
                { "subtrees", filter->n_subtrees, TB_FILTER_SUBTREES_MAX },
                { "patterns of names", filter->n_comms, TB_FILTER_COMMS_MAX },
                { "cgroups", filter->n_cgroups, TB_FILTER_CGROUPS_MAX },
        };
        int r;

        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); ++i) {
                if (lists[i].n <= lists[i].n_max)
                        continue;
                client_say(client, "A filter has at most %zu %s, not %zu.", lists[i].n_max, lists[i].what, lists[i].n);
                return -EINVAL;
        }
        if (filter->cpus && strlen(filter->cpus) > ENCODE_CPUS_MAX) {
                client_say(client, "A list of processors has at most %u bytes.", ENCODE_CPUS_MAX);
                return -EINVAL;
        }

        r = client_check_texts(client, filter->comms, filter->n_comms, TB_FILTER_COMM_BYTES_MAX, "pattern of names");
        if (r == 0)
                r = client_check_texts(client, filter->cgroups, filter->n_cgroups, TB_FILTER_CGROUP_BYTES_MAX, "cgroup");

        return r;
}

int tb_subscribe(struct tb_client *client, const struct tb_subscription *subscription, uint64_t *ret_request_id) {
        struct tb_subscription asked = { 0 };
        uint8_t frame[ENCODE_REQUEST_MAX];
        int r;

        if (subscription)
                asked = *subscription;
        if (!asked.kinds)
                asked.kinds = TB_KINDS_DEFAULT;
        if (asked.kinds & ~TB_KINDS_ALL) {
                client_say(client, "There are no such kinds of events: 0x%x.", asked.kinds & ~TB_KINDS_ALL);
                return -EINVAL;
        }
        if (asked.max_delay_ms > CLIENT_MAX_DELAY_MS) {
                client_say(client,
                           "Events cannot be held back for %" PRIu32 " ms: at most %u ms are possible.",
                           asked.max_delay_ms,
                           CLIENT_MAX_DELAY_MS);
                return -EINVAL;
        }

        r = client_check_filter(client, &asked.filter);
        if (r < 0)
                return r;
        r = client_room(client);
        if (r < 0)
                return r;

        if (client->reconnect) {
                r = reconnect_keep(client->reconnect, &asked, NULL, client->last_request_id + 1);
                if (r < 0)
                        return r;
        }
        client_queue(client, frame, encode_subscribe(frame, ++client->last_request_id, &asked, NULL));
        if (ret_request_id)
                *ret_request_id = client->last_request_id;

        return 0;
}

int tb_request_status(struct tb_client *client, uint64_t *ret_request_id) {
        uint8_t frame[ENCODE_REQUEST_MAX];
        int r;

        r = client_room(client);
        if (r < 0)
                return r;

        client_queue(client, frame, encode_get_status(frame, ++client->last_request_id));
        if (ret_request_id)
                *ret_request_id = client->last_request_id;

        return 0;
}

int tb_request_stats(struct tb_client *client,
                     const uint32_t *pids,
                     size_t n_pids,
                     const uint32_t *tids,
                     size_t n_tids,
                     uint64_t *ret_request_id) {
        uint8_t frame[ENCODE_REQUEST_MAX];
        int r;

        if (n_pids > TB_STATS_MAX || n_tids > TB_STATS_MAX - n_pids || n_pids + n_tids == 0) {
                client_say(client, "Statistics can be asked for of 1 to %u processes and tasks at once.", TB_STATS_MAX);
                return -EINVAL;
        }
        r = client_room(client);
        if (r < 0)
                return r;

        client_queue(client, frame, encode_get_stats(frame, ++client->last_request_id, pids, n_pids, tids, n_tids));
        if (ret_request_id)
                *ret_request_id = client->last_request_id;

        return 0;
}

static int client_check_sampling(struct tb_client *client, const struct tb_sampling *sampling) {
        if (sampling->interval_ms < CLIENT_SAMPLE_MS_MIN || sampling->interval_ms > CLIENT_SAMPLE_MS_MAX) {
                client_say(client,
                           "Samples cannot come every %" PRIu32 " ms: %u to %u ms are possible.",
                           sampling->interval_ms,
                           CLIENT_SAMPLE_MS_MIN,
                           CLIENT_SAMPLE_MS_MAX);
                return -EINVAL;
        }
        if ((unsigned int)sampling->scope > TB_SAMPLE_THREADS) {
                client_say(client, "Samples are of processes or of threads, not of scope %u.", (unsigned int)sampling->scope);
                return -EINVAL;
        }
        if (sampling->filter.cpus || sampling->filter.nonzero) {
                client_say(client, "Samples are of tasks: a filter by processors or exit status is of events.");
                return -EINVAL;
        }

        return client_check_filter(client, &sampling->filter);
}

int tb_sample(struct tb_client *client, const struct tb_sampling *sampling, uint64_t *ret_request_id) {
        uint8_t frame[ENCODE_REQUEST_MAX];
        int r;

        r = client_check_sampling(client, sampling);
        if (r < 0)
                return r;
        r = client_room(client);
        if (r < 0)
                return r;

        if (client->reconnect) {
                r = reconnect_keep(client->reconnect, NULL, sampling, client->last_request_id + 1);
                if (r < 0)
                        return r;
        }
        client_queue(client, frame, encode_sample(frame, ++client->last_request_id, sampling));
        if (ret_request_id)
                *ret_request_id = client->last_request_id;

        return 0;
}
