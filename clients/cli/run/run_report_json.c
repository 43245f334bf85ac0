/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The report of a command as a JSON object: every sum as the records have it, and the
 * figures made from them.
 */

#include <json-c/json.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "clients/cli/base/text.h"
#include "clients/cli/json/json.h"
#include "clients/cli/run/run_report.h"

/* The words of the command. If one of them is not UTF-8, all are escaped. */
static void json_add_words(struct json_object *object, char *const *words) {
        struct json_object *array = json_object_new_array();
        bool escaped = false;

        for (char *const *word = words; *word; ++word)
                escaped |= !text_is_utf8(*word);
        for (char *const *word = words; *word; ++word)
                json_object_array_add(array, json_text(*word, escaped));

        json_add(object, "command", array);
        if (escaped)
                json_add_escaped(object, "command");
}

static void json_add_record_cpu(struct json_object *object, const UsageCpu *cpu, bool known) {
        json_add_known(object, "cpu_run_virtual_total_ns", cpu->measured_ns, known);
        json_add_known(object, "cpu_run_real_total_ns", cpu->sampled_ns, known);
        json_add_known(object, "ac_utime_us", cpu->user_us, known);
        json_add_known(object, "ac_stime_us", cpu->system_us, known);
}

static struct json_object *json_processes(const Usage *usage) {
        struct json_object *object = json_object_new_object();

        json_add_number(object, "made", usage->n_processes);
        json_add_number(object, "ended", usage->n_ended);
        json_add_number(object, "running", usage->n_live);
        json_add_number(object, "most_at_once", usage->n_live_max);
        json_add_number(object, "failed", usage->n_failed);
        json_add_number(object, "status_unknown", usage->n_status_unknown);
        json_add_number(object, "without_stats", usage->n_without_stats);
        json_add_number(object, "tasks_missing", usage->n_tasks_missing);
        json_add_number(object, "end_unseen", usage->n_unseen);

        return object;
}

static struct json_object *json_cpu(const RunReport *report) {
        struct json_object *object = json_object_new_object(), *part;
        const Usage *usage = report->usage;
        RunReportCpu cpu;

        run_report_cpu(report, &cpu);
        json_add_number(object, "total_ns", cpu.total_ns);
        json_add_number(object, "user_ns", cpu.user_ns);
        json_add_number(object, "system_ns", cpu.system_ns);
        json_add_bool(object, "at_least", cpu.at_least);
        json_add_number(object, "unattributed_ns", cpu.unattributed_ns);

        part = json_object_new_object();
        json_add_record_cpu(part, &usage->cpu, usage->n_groups[TB_STATS_CPU] != 0);
        json_add(object, "records", part);

        part = json_object_new_object();
        json_add_number(part, "processes", usage->n_orphans);
        json_add_record_cpu(part, &usage->orphans, true);
        json_add(object, "not_waited_for", part);

        return object;
}

static struct json_object *json_rusage(const struct rusage *usage) {
        struct json_object *object = json_object_new_object();

        json_add_number(object, "user_ns", run_report_ns(&usage->ru_utime));
        json_add_number(object, "system_ns", run_report_ns(&usage->ru_stime));
        json_add_number(object, "maxrss_kib", (uint64_t)usage->ru_maxrss);
        json_add_number(object, "minflt", (uint64_t)usage->ru_minflt);
        json_add_number(object, "majflt", (uint64_t)usage->ru_majflt);
        json_add_number(object, "inblock", (uint64_t)usage->ru_inblock);
        json_add_number(object, "oublock", (uint64_t)usage->ru_oublock);
        json_add_number(object, "nvcsw", (uint64_t)usage->ru_nvcsw);
        json_add_number(object, "nivcsw", (uint64_t)usage->ru_nivcsw);

        return object;
}

/* null if no record of a process has the group. */
static struct json_object *json_memory(const RunReport *report) {
        const Usage *usage = report->usage;
        struct json_object *object;
        uint64_t peak_kib;
        bool in_record;

        if (!usage->n_groups[TB_STATS_MEMORY])
                return NULL;

        object = json_object_new_object();
        peak_kib = run_report_peak_kib(report, &in_record);
        in_record = in_record && peak_kib;
        json_add_known(object, "hiwater_rss_kib", peak_kib, peak_kib != 0);
        json_add_known(object, "pid", usage->peak_pid, in_record);
        json_add_known_text(object, "comm", usage->peak_name, in_record);
        json_add_known(object, "hiwater_rss_since_exec_kib", usage->peak_rss_kib, usage->peak_rss_kib != 0);
        json_add_number(object, "ac_minflt", usage->minflt);
        json_add_number(object, "ac_majflt", usage->majflt);
        json_add_number(object, "processes", usage->n_groups[TB_STATS_MEMORY]);

        return object;
}

static struct json_object *json_scheduling(const Usage *usage) {
        struct json_object *object;

        if (!usage->n_groups[TB_STATS_SCHEDULING])
                return NULL;

        object = json_object_new_object();
        json_add_number(object, "nvcsw", usage->nvcsw);
        json_add_number(object, "nivcsw", usage->nivcsw);
        json_add_number(object, "processes", usage->n_groups[TB_STATS_SCHEDULING]);

        return object;
}

static struct json_object *json_io(const Usage *usage) {
        struct json_object *object;

        if (!usage->n_groups[TB_STATS_IO])
                return NULL;

        object = json_object_new_object();
        json_add_number(object, "read_char_bytes", usage->read_char_bytes);
        json_add_number(object, "write_char_bytes", usage->write_char_bytes);
        json_add_number(object, "read_syscalls", usage->read_syscalls);
        json_add_number(object, "write_syscalls", usage->write_syscalls);
        json_add_number(object, "read_bytes", usage->read_bytes);
        json_add_number(object, "write_bytes", usage->write_bytes);
        json_add_number(object, "cancelled_write_bytes", usage->cancelled_write_bytes);
        json_add_number(object, "processes", usage->n_groups[TB_STATS_IO]);

        return object;
}

static void json_add_delay(struct json_object *delays, const char *name, const UsageDelay *delay) {
        struct json_object *object;

        if (!delay->n_processes)
                return;

        object = json_object_new_object();
        json_add_number(object, "count", delay->count);
        json_add_number(object, "total_ns", delay->total_ns);
        json_add_number(object, "processes", delay->n_processes);
        json_add(delays, name, object);
}

static struct json_object *json_delays(const Usage *usage) {
        struct json_object *object = json_object_new_object();

#define ADD_DELAY(name, ...) json_add_delay(object, #name, &usage->delays.name);
        TASKSTATS_DELAYS(ADD_DELAY)
#undef ADD_DELAY

        return object;
}

static struct json_object *json_losses(const Usage *usage) {
        struct json_object *object = json_object_new_object();

        for (unsigned int source = TB_LOSS_SOURCE_CONNECTOR; source <= TB_LOSS_SOURCE_FILTER; ++source)
                json_add_number(object,
                                tb_loss_source_name((enum tb_loss_source)source),
                                usage->n_lost[source]);
        json_add_number(object, "unknown", usage->n_lost[0]);
        json_add_bool(object, "at_least", usage->lost_at_least);

        return object;
}

/* @comm: the name; NULL: several names share the object. */
static struct json_object *json_command(const UsageCommand *command, const char *comm) {
        struct json_object *object = json_object_new_object();

        json_add_known_text(object, "comm", comm ? comm : "", comm != NULL);
        json_add_number(object, "runs", command->n_runs);
        json_add_known(object, "failed", command->n_failed, command->n_failed || !command->n_status_unknown);
        if (command->n_status_unknown)
                json_add_number(object, "status_unknown", command->n_status_unknown);
        json_add_record_cpu(object, &command->cpu, command->n_cpu != 0);
        json_add_known(object, "hiwater_rss_kib", command->peak_rss_kib, command->peak_rss_kib != 0);
        json_add_known(object, "read_bytes", command->read_bytes, command->n_io != 0);
        json_add_known(object, "write_bytes", command->write_bytes, command->n_io != 0);
        if (command->program)
                json_add(object, "program", json_program(command->program));

        return object;
}

static void json_add_commands(struct json_object *object, const RunReport *report) {
        size_t n = report->usage->commands.n < report->n_top ? report->usage->commands.n : report->n_top;
        struct json_object *array = NULL, *rest = NULL;
        const UsageCommand **commands;
        UsageCommand sum;

        if (usage_commands_sort(&report->usage->commands, &commands) == 0) {
                array = json_object_new_array();
                for (size_t i = 0; i < n; ++i)
                        json_object_array_add(array, json_command(commands[i], commands[i]->name));
                sum = usage_commands_sum((const UsageCommand *const *)commands + n, report->usage->commands.n - n);
                rest = sum.n_runs ? json_command(&sum, NULL) : NULL;
                free(commands);
        }

        json_add(object, "commands", array);
        json_add_number(object, "commands_left_out", report->usage->commands.n - n);
        if (rest)
                json_add(object, "other_names", rest);
        if (report->usage->commands.others.n_runs)
                json_add(object, "more_names", json_command(&report->usage->commands.others, NULL));
}

struct json_object *run_report_json(const RunReport *report) {
        struct json_object *object = json_object_new_object();
        const Usage *usage = report->usage;
        bool exited = WIFEXITED(report->status);

        json_add_words(object, report->command);
        json_add_number(object, "pid", usage->root);
        json_add_known(object, "exit_code", (uint64_t)WEXITSTATUS(report->status), exited);
        json_add_number(object, "term_signal", exited ? 0 : (uint64_t)WTERMSIG(report->status));
        json_add_bool(object, "core_dumped", !exited && WCOREDUMP(report->status));
        json_add_number(object, "start_time_ns", report->start_time_ns);
        json_add_number(object, "wall_ns", report->wall_ns);

        json_add_bool(object, "complete", run_report_complete(report));
        if (report->broken)
                json_add_text(object, "broken", report->broken);
        json_add(object, "lost", json_losses(usage));

        json_add(object, "processes", json_processes(usage));
        json_add_number(object, "threads", usage->n_threads);
        json_add(object, "cpu", json_cpu(report));
        json_add(object, "rusage", json_rusage(&report->rusage));
        json_add(object, "memory", json_memory(report));
        json_add(object, "io", json_io(usage));
        json_add(object, "scheduling", json_scheduling(usage));
        json_add(object, "delays", json_delays(usage));
        json_add_commands(object, report);

        return object;
}
