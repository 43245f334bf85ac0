/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nlmsghdr, genlmsghdr, then
 *
 *     AGGR_PID  { PID u32, [NULL padding,] STATS struct taskstats }
 *     AGGR_TGID { TGID u32, [NULL padding,] STATS struct taskstats }
 *
 * where the second comes only with the last task of a process that ever had two.
 * Nests carry no NLA_F_NESTED. Kernels before 4.20 or so put the padding at the
 * top level, in front of the nest. Unknown attributes are skipped.
 */

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <string.h>

#include "broker/kernel/exit_record.h"
#include "broker/kernel/taskstats_layout.h"

typedef struct Aggregate Aggregate;

struct Aggregate {
        uint32_t id;
        const uint8_t *stats;
        size_t n_stats;
};

static bool aggregate_parse(const struct nlattr *nest, uint16_t id_type, Aggregate *ret) {
        const struct nlattr *attr;
        bool has_id = false;

        *ret = (Aggregate){};
        mnl_attr_for_each_nested(attr, nest) {
                uint16_t type = mnl_attr_get_type(attr);
                uint16_t n = mnl_attr_get_payload_len(attr);

                if (type == id_type && n >= sizeof(uint32_t)) {
                        ret->id = mnl_attr_get_u32(attr);
                        has_id = true;
                } else if (type == TASKSTATS_TYPE_STATS) {
                        ret->stats = mnl_attr_get_payload(attr);
                        ret->n_stats = n;
                }
        }
        return has_id && ret->stats;
}

/**
 * exit_record_parse() - read a datagram of the taskstats listener
 * @data:        the datagram; 4-aligned
 * @n_data:      its length
 * @ret_record:  output
 *
 * Return: 0, EXIT_RECORD_E_MALFORMED or EXIT_RECORD_E_VERSION.
 */
int exit_record_parse(const void *data, size_t n_data, ExitRecord *ret_record) {
        const struct nlmsghdr *header = data;
        const struct genlmsghdr *genl;
        const struct nlattr *attr;
        Aggregate task = {}, process = {};
        bool has_task = false, has_process = false;
        uint16_t version;
        int r;

        /* mnl_nlmsg_ok() of libmnl 1.0.4 takes a length above INT32_MAX for a negative one, and lets it pass. */
        if (n_data < sizeof(*header) || header->nlmsg_len > n_data || header->nlmsg_type < NLMSG_MIN_TYPE ||
            header->nlmsg_len < sizeof(*header) + sizeof(*genl))
                return EXIT_RECORD_E_MALFORMED;
        genl = mnl_nlmsg_get_payload(header);
        if (genl->cmd != TASKSTATS_CMD_NEW)
                return EXIT_RECORD_E_MALFORMED;

        /* Not mnl_attr_for_each(), which rounds the message's end up, to where nothing was received. */
        mnl_attr_for_each_payload(mnl_nlmsg_get_payload_offset(header, sizeof(*genl)),
                                  mnl_nlmsg_get_payload_len(header) - sizeof(*genl)) {
                switch (mnl_attr_get_type(attr)) {
                case TASKSTATS_TYPE_AGGR_PID:
                        has_task = aggregate_parse(attr, TASKSTATS_TYPE_PID, &task);
                        break;
                case TASKSTATS_TYPE_AGGR_TGID:
                        has_process = aggregate_parse(attr, TASKSTATS_TYPE_TGID, &process);
                        break;
                }
        }
        if (!has_task || task.id == 0)
                return EXIT_RECORD_E_MALFORMED;

        version = taskstats_layout_version(task.stats, task.n_stats);
        r = taskstats_layout_decode(task.stats, task.n_stats, version, &ret_record->stats);
        if (r)
                return r == TASKSTATS_LAYOUT_E_VERSION ? EXIT_RECORD_E_VERSION : EXIT_RECORD_E_MALFORMED;

        ret_record->tid = task.id;
        ret_record->pid = ret_record->stats.ac_tgid;
        ret_record->has_process = false;
        if (has_process &&
            taskstats_layout_decode(process.stats, process.n_stats, version, &ret_record->process) == 0) {
                ret_record->has_process = true;
                ret_record->pid = process.id;
        }
        return 0;
}
