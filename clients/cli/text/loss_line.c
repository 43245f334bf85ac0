/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A loss in words: what was lost, why, and whether events of this stream are missing.
 *
 * Called by event_lines.c. Pure.
 */

#include <inttypes.h>

#include "clients/cli/base/format.h"
#include "clients/cli/text/loss_line.h"

/**
 * loss_line_add() - add the words for a loss to a line
 * @line:       the line
 * @event:      the loss
 * @time_form:  the form of times
 */
void loss_line_add(Line *line, const struct tb_event *event, TimeForm time_form) {
        static const char *const reasons[] = {
                [TB_LOSS_REASON_OVERRUN] = "the kernel had no room to queue them",
                [TB_LOSS_REASON_MUTED] = "some process had silenced the source",
                [TB_LOSS_REASON_FELL_BEHIND] = "this reader was too slow",
                [TB_LOSS_REASON_OVER_BUDGET] = "this filter was over its budget of work",
                [TB_LOSS_REASON_UNREPORTED] = "the source did not report them",
        };
        static const char *const sources[] = {
                [TB_LOSS_SOURCE_CONNECTOR] = "kernel events",
                [TB_LOSS_SOURCE_TASKSTATS] = "exits' statistics",
                [TB_LOSS_SOURCE_READER] = "events of this stream",
                [TB_LOSS_SOURCE_FILTER] = "events before the filter",
        };
        unsigned int source = (unsigned int)event->loss.source, reason = (unsigned int)event->loss.reason;
        char text[FORMAT_MAX];

        line_add(line, " *** %s%s",
                 !event->loss.count_known ? "an unknown number of" : event->loss.at_least ? "at least " : "",
                 event->loss.count_known ? format_count(text, event->loss.count) : "");
        line_add(line, " %s lost", source >= 1 && source <= TB_LOSS_SOURCE_FILTER ? sources[source] : "facts");
        line_add(line, "%s", event->loss.missing == TB_LOSS_MISSING_COUNTED ? "" : " machine-wide");
        line_add(line, ": %s",
                 reason >= 1 && reason <= TB_LOSS_REASON_UNREPORTED ? reasons[reason] : "the broker does not say why");
        line_add(line, " (%s, %s", tb_loss_source_name(event->loss.source),
                 tb_loss_reason_name(event->loss.reason));
        if (event->loss.cpu_known)
                line_add(line, ", cpu %" PRIu32, event->cpu);
        if (event->loss.since_time_ns)
                line_add(line, ", since %s",
                         time_form_write(text, time_form, event->loss.since_time_ns));
        line_add(line, ")%s ***",
                 event->loss.missing == TB_LOSS_MISSING_POSSIBLE ? "; events of this stream may be missing" : "");
}
