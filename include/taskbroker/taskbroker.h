/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * libtaskbroker: receive events about every task of a Linux machine from
 * taskbrokerd.
 *
 * The library has no event loop and no thread. A program connects and waits for
 * the descriptor in its own loop. It calls tb_process() when the descriptor is
 * ready, and takes messages one by one:
 *
 *         struct tb_client *client;
 *         const struct tb_message *message;
 *         int r;
 *
 *         r = tb_connect(NULL, &client);
 *         if (r >= 0)
 *                 r = tb_subscribe(client, NULL, NULL);
 *         while (r >= 0) {
 *                 struct pollfd pfd = { .fd = tb_fd(client), .events = tb_poll_events(client) };
 *
 *                 poll(&pfd, 1, -1);
 *                 r = tb_process(client);
 *                 while (tb_next(client, &message) > 0)
 *                         handle(message);
 *         }
 *         fprintf(stderr, "%s\n", tb_error_text(client));
 *         tb_close(client);
 *
 * Errors are negative errno values; tb_error_text() returns a sentence for each.
 * A program needs no privileges. A client is not thread-safe; several threads can
 * each use a client of their own.
 *
 * Terms: a task has a `tid` (gettid), a process has a `pid` (getpid). Statistics
 * have the kernel's own names and end in the unit; taskstats.proto describes each.
 *
 * Times are nanoseconds since 1970 on a scale that never steps: CLOCK_BOOTTIME plus
 * tb_welcome.boot_epoch_ns. tb_time_now() returns the present time on this scale, and
 * tb_time_to_realtime() converts a time to the wall clock as it is set now.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TB_SOCKET_PATH "/run/taskbroker.sock"

/* The environment variable that names another socket. */
#define TB_SOCKET_ENV "TASKBROKER_SOCKET"

struct tb_client;
struct tb_table;

/* Numbers as in event.proto, EventKind. */
enum tb_kind {
        TB_KIND_FORK = 1,
        TB_KIND_EXEC = 2,
        TB_KIND_EXIT = 3,
        TB_KIND_COMM = 4,
        TB_KIND_UID = 5,
        TB_KIND_GID = 6,
        TB_KIND_SID = 7,
        TB_KIND_PTRACE = 8,
        TB_KIND_COREDUMP = 9,
        TB_KIND_LOSS = 10,
};

#define TB_KIND_BIT(kind) (1u << (kind))
#define TB_KINDS_DEFAULT                                                      \
        (TB_KIND_BIT(TB_KIND_FORK) | TB_KIND_BIT(TB_KIND_EXEC) |              \
         TB_KIND_BIT(TB_KIND_EXIT) | TB_KIND_BIT(TB_KIND_LOSS))
#define TB_KINDS_ALL 0x7feu

/* Groups of statistics, as taskstats.proto, StatsGroup, numbers them. */
enum tb_stats_group {
        TB_STATS_IDENTITY = 1,
        TB_STATS_CPU = 2,
        TB_STATS_MEMORY = 3,
        TB_STATS_SCHEDULING = 4,
        TB_STATS_IO = 5,
        TB_STATS_CPU_DELAY = 6,
        TB_STATS_DELAYS = 7,
        TB_STATS_DELAY_PEAKS = 8,
        TB_STATS_DELAY_PEAK_TIMES = 9,
        TB_STATS_EXECUTABLE = 10,
        TB_STATS_EXIT_STATUS = 11,
        TB_STATS_MEMORY_INTEGRALS = 12,
};

#define TB_STATS_BIT(group) (1u << (group))

/* In a subscription to events: no group, while 0 stands for all of them. */
#define TB_STATS_NONE 1u

/* The size of a task's name: at most 31 bytes and a NUL, not necessarily UTF-8. */
#define TB_COMM_SIZE 32

/* One kind of waiting. */
struct tb_delay {
        bool known;             /* false: the kernel does not measure this delay, or did not for this task */
        bool peak_known;        /* false: no extremes (kernel before 6.14, or the task never waited) */
        uint64_t count;         /* number of waits */
        uint64_t total_ns;      /* sum of the waits */
        uint64_t max_ns;        /* the longest wait */
        uint64_t min_ns;        /* the shortest wait */
        uint64_t max_time_ns;   /* end of the longest wait; 0: not known (kernel before 7.0) */
};

/*
 * The statistics of one task, or the totals of one process. A group whose bit is
 * not in `groups` was not measured or is withheld. Its fields are 0, and the other
 * masks give the reason.
 */
struct tb_task_stats {
        uint32_t groups;                /* TB_STATS_BIT()s of the present groups */
        uint32_t unsupported_groups;    /* this kernel does not support them */
        uint32_t uncounted_groups;      /* delay accounting was off, or not known, when the task was created */
        uint32_t withheld_groups;       /* this client may not know them */
        uint32_t taskstats_version;     /* version of the kernel's record */

        /* These are set in totals of a process only. */
        uint32_t tasks;                 /* tasks in the totals; 0: these are one task's statistics */
        uint32_t tasks_missing;         /* tasks that ended without statistics: the totals lack them */
        bool tasks_unseen;              /* tasks may have ended unseen: see taskstats.proto */

        struct {
                uint32_t ac_pid;                /* tid */
                uint32_t ac_tgid;               /* pid; 0 before taskstats 12 */
                uint32_t ac_ppid;               /* pid of the parent */
                uint32_t ac_uid;                /* real user id */
                uint32_t ac_gid;                /* real group id */
                char ac_comm[TB_COMM_SIZE];     /* name */
                uint32_t ac_flag;               /* AFORK 1, ASU 2, ACORE 8, AXSIG 16, AGROUP 32 */
                uint32_t ac_btime_s;            /* start, since 1970; jitters */
                uint64_t ac_btime64_s;          /* ac_btime in 64 bits; 0 before taskstats 10 */
                uint64_t ac_etime_us;           /* time since the task's start */
                uint64_t ac_tgetime_us;         /* time since the process' start; 0 before taskstats 12 */
        } identity;

        struct {
                uint64_t cpu_run_virtual_total_ns;      /* processor time, measured; may lack the last timer tick */
                uint64_t cpu_run_real_total_ns;         /* user + system, sampled at the tick */
                uint64_t ac_utime_us;                   /* user, sampled */
                uint64_t ac_stime_us;                   /* system, sampled */
                uint64_t ac_utimescaled_us;             /* user, scaled by frequency if the architecture supports it */
                uint64_t ac_stimescaled_us;
                uint64_t cpu_scaled_run_real_total_ns;
        } cpu;

        struct {
                uint64_t ac_minflt;             /* page faults without I/O */
                uint64_t ac_majflt;             /* page faults with I/O */
                uint64_t hiwater_rss_kib;       /* peak resident memory; see taskstats.proto for an exec */
                uint64_t hiwater_vm_kib;        /* peak virtual memory, likewise */
        } memory;

        struct {
                uint64_t coremem_mib_us;        /* resident memory times processor time */
                uint64_t virtmem_mib_us;        /* virtual memory times processor time */
        } memory_integrals;

        struct {
                uint64_t nvcsw;                 /* voluntary context switches */
                uint64_t nivcsw;                /* involuntary context switches */
                uint32_t ac_sched;              /* SCHED_* */
                int32_t ac_nice;                /* -20 to 19 */
        } scheduling;

        /* The kernel rounds each value down to a multiple of 1024, the numbers of calls too. */
        struct {
                uint64_t read_char_bytes;       /* returned by read calls */
                uint64_t write_char_bytes;      /* accepted by write calls */
                uint64_t read_syscalls;
                uint64_t write_syscalls;
                uint64_t read_bytes;            /* fetched from storage */
                uint64_t write_bytes;           /* sent to storage */
                uint64_t cancelled_write_bytes; /* bytes of write_bytes that were never written */
        } io;

        struct {
                struct tb_delay cpu;            /* runnable, waiting for a processor */
                struct tb_delay blkio;          /* synchronous block I/O */
                struct tb_delay swapin;
                struct tb_delay freepages;      /* memory reclaim */
                struct tb_delay thrashing;
                struct tb_delay compact;        /* memory compaction */
                struct tb_delay wpcopy;         /* copying write-protected pages */
                struct tb_delay irq;
        } delays;

        struct {
                uint64_t ac_exe_dev;            /* device of the executable */
                uint64_t ac_exe_inode;
        } executable;

        struct {
                uint32_t ac_exitcode;           /* in the form of wait(2) */
        } exit_status;
};

/* As event.proto, TerminationMissing. */
enum tb_termination_missing {
        TB_TERMINATION_MISSING_NO = 0,
        TB_TERMINATION_MISSING_WITHHELD = 1,    /* this client may not know it */
        TB_TERMINATION_MISSING_UNKNOWN = 2,     /* the broker does not know it */
};

/* The cause of the end of a task or a process. */
struct tb_termination {
        bool known;             /* false: the fields below are 0 */
        enum tb_termination_missing missing; /* the reason why it is not known */
        uint32_t exit_code;     /* 0 to 255 */
        uint32_t term_signal;   /* 0: no signal ended it */
        bool core_dumped;
};

/* As event.proto, StatsMissing. */
enum tb_stats_missing {
        TB_STATS_MISSING_NO = 0,
        TB_STATS_MISSING_LOST = 1,
        TB_STATS_MISSING_NOT_WITNESSED = 2,
};

/* As event.proto, LossSource and LossReason. */
enum tb_loss_source {
        TB_LOSS_SOURCE_CONNECTOR = 1,
        TB_LOSS_SOURCE_TASKSTATS = 2,
        TB_LOSS_SOURCE_READER = 3,
        TB_LOSS_SOURCE_FILTER = 4,
};

enum tb_loss_reason {
        TB_LOSS_REASON_OVERRUN = 1,
        TB_LOSS_REASON_MUTED = 2,
        TB_LOSS_REASON_FELL_BEHIND = 3,
        TB_LOSS_REASON_OVER_BUDGET = 4,
        TB_LOSS_REASON_UNREPORTED = 5,  /* the source did not report an event, as its consequences show */
};

/* As event.proto, LossMissing: the events of this stream that are missing because of a loss. */
enum tb_loss_missing {
        TB_LOSS_MISSING_NONE = 1,
        TB_LOSS_MISSING_POSSIBLE = 2,   /* an unknown number, perhaps 0 */
        TB_LOSS_MISSING_COUNTED = 3,    /* loss.count events */
};

/* As event.proto, ProgramState. */
enum tb_program_state {
        TB_PROGRAM_UNKNOWN = 0,         /* no client asked for it while the process ran */
        TB_PROGRAM_CAPTURED = 1,
        TB_PROGRAM_LATE = 2,            /* the process had gone */
        TB_PROGRAM_SKIPPED = 3,         /* the broker could not read it in time, and reads it later */
};

/* The program of a process. Each text is bytes, not necessarily UTF-8; a NUL that does not count follows it. */
struct tb_program {
        enum tb_program_state state;
        const char *cmdline;            /* arguments, each ended by a NUL */
        size_t n_cmdline;
        const char *exe;                /* "" if not known: see taskbrokerd --keep-ptrace */
        size_t n_exe;
        const char *cgroup;
        size_t n_cgroup;
        bool truncated;                 /* at least one text was longer */
        bool exe_withheld;              /* this client may not know exe */
};

/* A process in a relation to another one: see event.proto, ProcessId. */
struct tb_process_id {
        bool known;
        uint32_t pid;           /* 0, if known: there is no such process */
        uint64_t start_boot_ns; /* with pid its identity until the next boot; 0: not known */
};


/* The leader of a process that ended with another thread. Its tid is tb_event.pid. */
struct tb_process_leader {
        bool known;                     /* false: the leader ended last, or is not known */
        uint64_t start_time_ns;
        uint64_t start_boot_ns;         /* with tb_event.pid, the identity of the process */
        uint32_t uid;
        char comm[TB_COMM_SIZE];
        bool comm_stale;                /* comm may be the name before an exec */
};

/* One kernel fact about one task. Without threads: one fact about a process, as described by its leader. */
struct tb_event {
        enum tb_kind kind;
        uint64_t number;        /* number in this subscription's stream */
        uint64_t time_ns;       /* time of the event */
        int64_t realtime_offset_ns; /* time_ns minus this is the kernel's CLOCK_MONOTONIC timestamp */
        bool cpu_known;         /* false: a synthesised event, or a loss; cpu is 0 */
        uint32_t cpu;           /* processor of the event */
        uint32_t pid;           /* the process */
        uint32_t tid;           /* the task; fork: the new task */
        uint32_t ppid;          /* the first parent that is known, for life: see event.proto; 0: none or not known */
        uint32_t uid;           /* real user id of the task */
        char comm[TB_COMM_SIZE];/* the task's name; fork: its parent's name */
        uint64_t start_time_ns; /* start of the task; 0: not known */
        uint64_t start_boot_ns; /* the same by CLOCK_BOOTTIME: with tid, the task's identity until the next boot */
        bool task_unknown;      /* the fork event was lost: a 0 above means not known */
        bool synthesised;       /* the broker made it; the connector did not send it */
        bool left_filter;       /* the task no longer matches the filter after this event */
        bool restricted;        /* the task belongs to another user: only its public fields are set */
        bool comm_stale;        /* comm may be the name before an exec: a TB_KIND_COMM follows when it is read */
        struct tb_process_id maker;     /* forked the process, with CLONE_PARENT the parent of that; never changes */
        struct tb_process_id parent;    /* the present parent: exit: the last one */

        union {
                struct {
                        uint32_t parent_pid;                            /* its identity is parent above */
                        uint32_t parent_tid;                            /* 0: not known */
                        uint64_t parent_tid_start_boot_ns;              /* with parent_tid its identity; 0: not known */
                } fork;
                struct {
                        bool comm_stale;                                /* the same as comm_stale above */
                        const struct tb_program *program;               /* the new program; NULL: not asked for */
                } exec;
                struct {
                        struct tb_termination termination;              /* the task's end */
                        bool process_ended;                             /* the process ended with this task */
                        struct tb_termination process_termination;      /* if it ended: the process' end */
                        enum tb_stats_missing stats_missing;            /* reason why stats is NULL */
                        bool exit_signal_known;                         /* false: exit_signal is 0 */
                        uint32_t exit_signal;                           /* signal that the parent got; 0: none */
                        const struct tb_task_stats *stats;              /* task's, or NULL; without threads, totals */
                        const struct tb_task_stats *process_stats;      /* if it ended: the process' totals, or NULL */
                        const struct tb_program *program;               /* the last program; NULL: not asked for */
                        struct tb_process_leader leader;                /* with threads, if it was not the last task */
                } exit;
                struct {
                        char old_comm[TB_COMM_SIZE];
                } comm_change;
                struct {
                        uint32_t real_id;
                        uint32_t effective_id;
                } credentials;                                          /* TB_KIND_UID and TB_KIND_GID */
                struct {
                        uint32_t tracer_pid;                            /* 0: detached */
                        uint32_t tracer_tid;
                        struct tb_process_id tracer;                    /* the process tracer_pid by its identity */
                        uint64_t tracer_start_boot_ns;                  /* with tracer_tid its identity; 0: not known */
                } ptrace;
                struct {
                        uint64_t count;                                 /* machine-wide, unless missing is COUNTED */
                        bool count_known;                               /* false: count is 0 */
                        enum tb_loss_missing missing;                   /* events of this stream */
                        enum tb_loss_source source;
                        enum tb_loss_reason reason;
                        bool at_least;                                  /* there may be more than count */
                        bool cpu_known;                                 /* cpu is the processor of the lost events */
                        uint64_t since_time_ns;                         /* 0: not known */
                } loss;
        };
};

/* As broker.proto, DelayAccounting. */
enum tb_delay_accounting {
        TB_DELAY_ACCOUNTING_UNKNOWN = 0,
        TB_DELAY_ACCOUNTING_OFF = 1,
        TB_DELAY_ACCOUNTING_ON = 2,
        TB_DELAY_ACCOUNTING_UNSUPPORTED = 3,
};

/* As broker.proto, Access: the rights of this client. */
enum tb_access {
        TB_ACCESS_UNKNOWN = 0,          /* an older broker: it accepts only root */
        TB_ACCESS_ALL = 1,
        TB_ACCESS_OWN = 2,              /* everything about its own tasks, public fields of others */
        TB_ACCESS_OWN_ONLY = 3,         /* its own tasks only */
};

/* The broker's first message. */
struct tb_welcome {
        uint64_t epoch;                 /* random, new with each start of the broker */
        const char *broker_version;
        const char *kernel_release;
        uint32_t taskstats_version;     /* 0: the broker has read no record yet */
        enum tb_delay_accounting delay_accounting;
        int64_t realtime_offset_ns;     /* the scale of all times minus CLOCK_MONOTONIC */
        int64_t boot_epoch_ns;          /* the scale of all times minus CLOCK_BOOTTIME: constant */
        uint64_t start_time_ns;         /* the broker's start */
        size_t n_features;
        const char *const *features;
        enum tb_access access;
        uint32_t uid;                   /* the client's user, as the broker sees it */
};

/* The answer to tb_subscribe(). */
struct tb_subscribed {
        uint64_t feed;                  /* names the feed within the epoch */
        uint64_t next_number;           /* number of the first event to come */
        bool resumed;                   /* the feed of the former connection continues */
};

/* The answer to tb_change_filter() and tb_get_snapshot(): the stream begins anew. */
struct tb_restarted {
        uint64_t feed;                  /* as in struct tb_subscribed; 0: a stream of samples */
        uint64_t next_number;           /* number of the first event to come */
        uint64_t unsent;                /* events of the former set that happened before, and are not sent */
};

/* A task of the snapshot: see broker.proto, Task. */
struct tb_task {
        uint32_t pid;
        uint32_t tid;
        uint32_t ppid;                  /* parent.pid, as ps(1) has it; 0: none or not known */
        uint32_t uid, euid;             /* real and effective */
        uint32_t gid, egid;
        uint32_t session;               /* session_leader.pid; 0: none or not known */
        char comm[TB_COMM_SIZE];
        uint64_t start_time_ns;         /* 0: not known */
        uint64_t start_boot_ns;         /* the same by CLOCK_BOOTTIME: with tid, its identity */
        uint32_t tasks;                 /* without threads: live tasks of the process */
        bool kernel_thread;
        bool credentials_changed;       /* since its last exec */
        bool seeded;                    /* start_time_ns is precise to 10 ms */
        bool task_unknown;              /* its fork event was lost: a 0, "" or false above is not known */
        bool comm_stale;                /* comm may be the name before an exec */
        const struct tb_program *program; /* NULL: not asked for */
        struct tb_process_id maker, parent; /* as in struct tb_event */
        struct tb_process_id session_leader; /* leads its session; pid 0: it has none. See broker.proto, Task */
};

/* The snapshot is complete. */
struct tb_snapshot_end {
        uint64_t number;                /* event number that the snapshot stands for */
        uint64_t tasks;                 /* number of tasks */
        uint64_t time_ns;               /* time of the snapshot */
};

/* The state of the connection, or of a stream, for a client that reconnects. */
enum tb_link_state {
        TB_LINK_LOST = 1,               /* the connection broke; the client tries again */
        TB_LINK_RESUMED = 2,            /* the stream is back with its feed: a Loss reports any missing events */
        TB_LINK_RESTARTED = 3,          /* the stream is back with a new feed: the events between are not known */
};

struct tb_link {
        enum tb_link_state state;
        const char *reason;             /* a sentence. LOST: why it broke. RESTARTED: why the feed did not continue */
        uint64_t lost_time_ns;          /* when the connection broke */
        uint32_t tries;                 /* RESUMED, RESTARTED: number of tries */
};

/* One kernel source's counters, in datagrams. */
struct tb_source_status {
        uint64_t received;
        uint64_t lost;
        uint64_t dropped;               /* lost datagrams that the socket counted */
        uint64_t truncated;
        uint64_t malformed;
        uint64_t foreign;               /* sent by another sender than the kernel, and ignored */
        uint64_t muted;                 /* how often the broker found it silenced */
        uint64_t repaired;
        uint64_t receive_buffer_bytes;
};

/* The connections of one program and one user: see broker.proto, ClientCount. */
struct tb_client_count {
        uint32_t uid;
        const char *name;               /* "": the program did not say it */
        const char *version;
        uint32_t connections;
        uint32_t streams;
};

/* The answer to tb_request_status(): see broker.proto, BrokerStatus. */
struct tb_status {
        const char *broker_version;
        uint64_t epoch;
        uint64_t start_time_ns;
        uint64_t uptime_ns;
        const char *kernel_release;
        uint32_t taskstats_version;
        enum tb_delay_accounting delay_accounting;
        struct tb_source_status connector;
        struct tb_source_status taskstats;
        const uint64_t *events;         /* by kind: events[TB_KIND_EXIT] and so on */
        size_t n_events;                /* kinds have numbers below this; a newer library can know more */
        uint64_t live_tasks;
        uint64_t live_processes;
        uint64_t feeds;
        uint64_t subscribers;
        uint64_t connections;
        uint64_t feed_bytes;
        uint64_t reader_lost;
        uint64_t closed_for_errors;
        uint64_t closed_for_strict;
        uint64_t refused_connections;
        uint64_t unmatched_stats;
        uint64_t synthesised_exits;
        uint64_t broker_cpu_ns;
        uint64_t synthesised_forks;
        uint64_t programs_captured;
        uint64_t programs_late;
        uint64_t programs_skipped;
        uint64_t snapshots;
        uint64_t snapshot_subscribers;
        uint64_t resumed;
        uint64_t table_bytes;
        bool withheld;                  /* this client may not know the counters about others; they are 0 */
        bool machine_withheld;          /* live_..., and lost, muted, repaired of the sources are 0 too */
        uint64_t refused_quota;
        uint64_t refused_namespace;
        uint64_t sweeps;
        uint64_t sweep_tasks;
        uint64_t sweep_gone;
        uint64_t sweep_lost;
        uint64_t sweep_cpu_ns;
        uint64_t sample_subscribers;
        uint64_t sample_lost;
        uint64_t client_bytes;
        uint64_t rechecks_pending;
        uint64_t rechecks_done;
        uint64_t rechecks_ended;
        uint64_t log_lines_dropped;     /* lines that the broker's standard error did not accept */
        uint64_t program_bytes;         /* a part of table_bytes */
        uint64_t programs_refused;      /* skipped, as their user had reached its quota; a part of programs_skipped */
        uint64_t foreign_acks;          /* acknowledgements to other listeners: each silence ends with one */
        const struct tb_client_count *clients;  /* the programs that are connected */
        size_t n_clients;
        uint64_t clients_unlisted;      /* connections that no entry counts: there are too many entries */
};

/* As sample.proto, SampleScope. */
enum tb_sample_scope {
        TB_SAMPLE_PROCESSES = 1,        /* the sums of their threads, including ended threads */
        TB_SAMPLE_THREADS = 2,
};

/* The statistics of one task, or one process, since its start: see sample.proto, TaskSample. */
struct tb_task_sample {
        uint32_t pid;
        uint32_t tid;                   /* for a process: its leader */
        uint32_t ppid;                  /* parent.pid; 0: none or not known */
        uint32_t uid;                   /* real user id */
        char comm[TB_COMM_SIZE];
        uint64_t start_time_ns;         /* 0: not known */
        uint64_t start_boot_ns;         /* the same by CLOCK_BOOTTIME: with tid, its identity */
        uint64_t time_ns;               /* time of the kernel's answer, or of the exit */
        const struct tb_task_stats *stats; /* totals since its start; NULL: gone, lost, or see stats_missing */
        uint32_t tasks;                 /* for a process: its live threads */
        bool kernel_thread;
        bool task_unknown;              /* its fork event was lost: a 0, "" or false above is not known */
        bool comm_stale;                /* comm may be the name before an exec; with stats it is right */
        bool gone;                      /* tb_request_stats(): no such task, or this client may not know it */
        bool lost;                      /* the kernel's answer was lost: the task may have run */
        bool ended;                     /* these are its last values */
        struct tb_termination termination;      /* if ended: the cause */
        enum tb_stats_missing stats_missing;    /* if ended: the reason why stats is NULL */
        struct tb_process_id maker, parent;     /* as in struct tb_event; if ended: the last parent */
        uint32_t session;                       /* session_leader.pid; 0: none or not known */
        struct tb_process_id session_leader;    /* as in struct tb_task */
};

/* A sample is complete: see sample.proto, SamplePart. */
struct tb_sample {
        uint64_t number;                /* in this stream, from 1; anew after it began anew */
        uint64_t begin_time_ns;         /* time when the broker began, and finished, to ask the kernel */
        uint64_t end_time_ns;
        uint64_t span_ns;               /* from the end of the previous sample to the end of this; 0: the first */
        uint64_t tasks;                 /* number of TB_MESSAGE_TASK_SAMPLE messages */
        bool full;                      /* it had every live task that matches the subscription */
        uint64_t forks;                 /* within the span, for tasks that match the subscription */
        uint64_t execs;
        uint64_t exits;
        uint64_t lost;                  /* events that the kernel lost within the span, machine-wide */
        bool lost_at_least;             /* there may be more; with 0: the number is not known */
        uint64_t samples_lost;          /* earlier samples that the client was too slow for */
};

/* As broker.proto, ErrorCode. */
enum tb_error_code {
        TB_ERROR_BAD_FRAME = 1,
        TB_ERROR_TOO_LARGE = 2,
        TB_ERROR_BAD_MESSAGE = 3,
        TB_ERROR_UNKNOWN_FIELD = 4,
        TB_ERROR_BAD_VALUE = 5,
        TB_ERROR_LIMIT = 7,
        TB_ERROR_FELL_BEHIND = 8,
        TB_ERROR_TIMEOUT = 9,
        TB_ERROR_STOPPING = 10,
        TB_ERROR_UNREAD_REPLIES = 11,
        TB_ERROR_RESUME_IMPOSSIBLE = 12,
        TB_ERROR_QUOTA = 13,
        TB_ERROR_NOT_PERMITTED = 14,
        TB_ERROR_ACCESS_CHANGED = 15,
};

/* The broker refused something. */
struct tb_error {
        enum tb_error_code code;
        const char *message;            /* one English sentence */
        const char *field;              /* the request's invalid field; "" if none */
        bool closing;                   /* the broker closes the connection after this */
        uint64_t lost;                  /* TB_ERROR_FELL_BEHIND: number of lost events */
};

/* Answers tb_ping(). */
struct tb_pong {
        uint64_t time_ns;               /* the time of the answer, as tb_time_now() has it */
};

enum tb_message_type {
        TB_MESSAGE_WELCOME,
        TB_MESSAGE_SUBSCRIBED,
        TB_MESSAGE_EVENT,
        TB_MESSAGE_STATUS,
        TB_MESSAGE_ERROR,
        TB_MESSAGE_TASK,                /* a task of the snapshot, before the first event */
        TB_MESSAGE_SNAPSHOT_END,
        TB_MESSAGE_LINK,                /* only after tb_set_reconnect() */
        TB_MESSAGE_TASK_SAMPLE,         /* a task of an answer to tb_request_stats(), or of a sample */
        TB_MESSAGE_STATS_END,           /* the answer to tb_request_stats() is complete */
        TB_MESSAGE_SAMPLING,            /* tb_sample() was accepted */
        TB_MESSAGE_SAMPLE,              /* a sample is complete */
        TB_MESSAGE_PONG,                /* answers tb_ping() */
        TB_MESSAGE_RESTARTED,           /* the stream begins anew: a table that the program keeps of it is void */
        TB_MESSAGE_UNSUBSCRIBED,        /* the stream has ended */
};

/* A message that tb_next() returns. */
struct tb_message {
        enum tb_message_type type;
        uint32_t stream;                /* the stream that it belongs to, or 0: see tb_subscribe(). An error ends it */
        uint64_t request_id;            /* id of the request that it answers, or 0 */
        union {
                const struct tb_welcome *welcome;
                const struct tb_subscribed *subscribed;
                const struct tb_event *event;
                const struct tb_status *status;
                const struct tb_error *error;
                const struct tb_task *task;
                const struct tb_snapshot_end *snapshot_end;
                const struct tb_link *link;
                const struct tb_task_sample *task_sample;
                const struct tb_sample *sample;
                const struct tb_pong *pong;
                const struct tb_restarted *restarted;
        };
};

/*
 * The part of the machine that a client asks for: see broker.proto, Filter. All
 * zero: all of it. The caller owns the arrays and texts; the library reads them
 * during tb_subscribe() only.
 */
struct tb_filter {
        const uint32_t *uids;           /* real user ids */
        size_t n_uids;                  /* at most TB_FILTER_UIDS_MAX */
        const uint32_t *pids;           /* these processes and their children */
        size_t n_pids;                  /* at most TB_FILTER_PIDS_MAX */
        const uint32_t *subtrees;       /* these processes and all their descendants */
        size_t n_subtrees;              /* at most TB_FILTER_SUBTREES_MAX */
        const char *const *comms;       /* patterns of names */
        size_t n_comms;                 /* at most TB_FILTER_COMMS_MAX, of at most TB_FILTER_COMM_BYTES_MAX */
        const char *const *cgroups;     /* these cgroups and all cgroups below them */
        size_t n_cgroups;               /* at most TB_FILTER_CGROUPS_MAX, of at most TB_FILTER_CGROUP_BYTES_MAX */
        const char *cpus;               /* "0-3,8"; NULL: all */
        bool nonzero;                   /* among exits, only failed exits */
};

#define TB_FILTER_UIDS_MAX 64u
#define TB_FILTER_PIDS_MAX 64u
#define TB_FILTER_SUBTREES_MAX 16u
#define TB_FILTER_COMMS_MAX 16u
#define TB_FILTER_COMM_BYTES_MAX 63u
#define TB_FILTER_CGROUPS_MAX 8u
#define TB_FILTER_CGROUP_BYTES_MAX 511u

/* A place in a stream of events: tb_welcome.epoch, tb_subscribed.feed, and the first number that did not arrive. */
struct tb_place {
        uint64_t epoch;
        uint64_t feed;
        uint64_t next_number;
};

/* A subscription. All zero: forks, execs and exits of processes, without delay. */
struct tb_subscription {
        uint32_t kinds;                 /* TB_KIND_BIT()s; 0: TB_KINDS_DEFAULT. The broker always sends losses */
        bool threads;                   /* threads too */
        bool strict;                    /* close the connection after a loss of events */
        uint32_t max_delay_ms;          /* the broker may hold events back so long; at most 60000 */
        bool snapshot;                  /* first the live tasks, then the events from then on */
        bool programs;                  /* programs with exec, exit and the snapshot */
        uint32_t groups;                /* TB_STATS_BIT()s that exits have; 0: all; TB_STATS_NONE: no statistics */
        struct tb_filter filter;

        /*
         * NULL: the stream begins now. Else it continues the stream of a former connection, also
         * of a former process. All other members must be as they were, but strict and
         * max_delay_ms. If the broker has given that stream up, a TB_MESSAGE_ERROR with
         * TB_ERROR_RESUME_IMPOSSIBLE comes. The program can then subscribe without a place. Used
         * during tb_subscribe() only.
         */
        const struct tb_place *resume;
};

/* A subscription to samples. */
struct tb_sampling {
        uint32_t interval_ms;           /* 100 to 60000 */
        enum tb_sample_scope scope;     /* 0: TB_SAMPLE_PROCESSES */
        uint32_t groups;                /* TB_STATS_BIT()s of the requested groups; 0: all */
        struct tb_filter filter;        /* without cpus and nonzero, which select events */
};

/* Streams that a client can have. */
#define TB_STREAMS_MAX 16u

/* Numbers that one tb_request_stats() can ask for, in all. */
#define TB_STATS_MAX 128u

/*
 * Connects to the broker.
 *
 * @path: the socket. NULL: the socket that TASKBROKER_SOCKET names, else TB_SOCKET_PATH.
 * @ret_client: the client. The caller closes it with tb_close().
 *
 * Does not wait for data from the broker: its Welcome is the first message.
 *
 * Return: 0; -ENOENT or -ECONNREFUSED: no broker there; -EACCES: not allowed;
 *         -ENAMETOOLONG; -EINVAL: @path is empty; -ENOMEM; another negative errno
 *         of socket(2) or connect(2). tb_connect_error_text() describes the error;
 *         tb_error_text(NULL) does not.
 */
int tb_connect(const char *path, struct tb_client **ret_client);

/*
 * Makes a client from a connected stream socket. Takes ownership of the socket,
 * also on failure, and makes it non-blocking.
 */
int tb_connect_fd(int fd, struct tb_client **ret_client);

/*
 * Writes a sentence into @buffer: why tb_connect() failed, and a remedy. @path is
 * the path that tb_connect() got, @error the value that it returned.
 */
void tb_connect_error_text(const char *path, int error, char *buffer, size_t n_buffer);

/*
 * Makes a client of tb_connect() reconnect when its connection breaks or the
 * broker restarts. The first try comes after 0.1 s. Each further wait is twice as
 * long, at most 5 s. Each stream keeps its number, and continues at the event where
 * it was.
 *
 * One TB_MESSAGE_LINK (TB_LINK_LOST, without a stream) reports the loss. Then each
 * stream has one of its own when it is back. If its feed could not continue
 * (TB_LINK_RESTARTED), its TB_MESSAGE_SUBSCRIBED or TB_MESSAGE_SAMPLING follows. If
 * it asked for a snapshot, a new snapshot follows too, and the program's own table
 * is void. A client without a stream to bring back has one TB_MESSAGE_LINK without
 * a stream.
 *
 * If the broker refuses a stream, the stream ends with a TB_MESSAGE_ERROR that has
 * its number, and the others go on. A quota is no such cause: other clients of the
 * user may have come back first, and the client asks for the stream again.
 *
 * A request that changes a stream, and has no answer when the connection breaks, is
 * made again as soon as the stream is back. Until then the stream has its former
 * filter. A snapshot of tb_get_snapshot() that was not complete is asked for again:
 * a second TB_MESSAGE_RESTARTED has the same request id. A stream that the program
 * has ended does not come back: its TB_MESSAGE_UNSUBSCRIBED comes without the
 * broker. Requests for the status and for statistics are not repeated.
 *
 * Call it before the first tb_process(). After the call tb_fd() is a descriptor
 * for POLLIN alone. The descriptor stays the same, and wakes the program for the
 * next try too. tb_process() then fails only if a further try is useless. The
 * causes are: the socket may not be used, its listener is not a broker, or the
 * broker refused the connection.
 *
 * The numbers of a filter name the same processes over a reconnect, also if the
 * stream has no event of these processes.
 *
 * Return: 0; -EINVAL: the client was made from a descriptor; another negative errno.
 */
int tb_set_reconnect(struct tb_client *client);

/*
 * Says which program this is, for the broker's status: a person who reads it sees what is
 * connected. The texts are copied. They are sent with the next request, and with the first
 * request of each later connection. Without this call the broker knows the user alone.
 *
 * @name: such as "htop"; valid UTF-8 without control characters, at most 63 bytes, or the
 *        broker refuses the request
 * @version: such as "3.2.2", likewise; NULL: none
 *
 * Return: 0; -EINVAL: a text is longer.
 */
int tb_set_client_info(struct tb_client *client, const char *name, const char *version);

/* Closes and frees. NULL is fine. Returns NULL. */
struct tb_client *tb_close(struct tb_client *client);

/* Returns the descriptor to wait for. The client owns it. */
int tb_fd(const struct tb_client *client);

/* Returns the events for poll(2): POLLIN, and POLLOUT while a request waits to be sent. */
short tb_poll_events(const struct tb_client *client);

/*
 * Sends pending requests and receives data without blocking: at most 1 MiB a
 * call, so that a flood does not occupy the caller. Messages are then ready for
 * tb_next(). While messages are ready there, it receives nothing, so that memory
 * is bounded.
 *
 * Return: 0; -EPIPE: the broker closed the connection (earlier messages are still
 *         ready for tb_next()); -EPROTO: the broker violated the protocol; another
 *         negative errno. After an error only tb_next(), tb_error_text() and
 *         tb_close() are useful.
 */
int tb_process(struct tb_client *client);

/*
 * Takes the next message.
 *
 * @ret_message: valid until the next call with this client.
 *
 * Return: 1: a message; 0: no message, wait and call tb_process(); -EPROTO: the
 *         broker violated the protocol; -ENOMEM.
 */
int tb_next(struct tb_client *client, const struct tb_message **ret_message);

/*
 * Asks for events: begins a stream. @subscription NULL: the defaults. @ret_request_id,
 * if not NULL, gets the id that TB_MESSAGE_SUBSCRIBED or TB_MESSAGE_ERROR will repeat.
 *
 * A client can have TB_STREAMS_MAX streams, of events and of samples. They do not
 * depend on each other. TB_MESSAGE_SUBSCRIBED has the number of the stream, which all
 * messages of the stream have. The number stays the same over a reconnect, and no later
 * stream of the client gets it. Messages of different streams come in any order.
 *
 * A TB_MESSAGE_ERROR with the number of a stream ends the stream. All others of the
 * client go on, unless the error is `closing`. The refusal of a request has no number of
 * a stream: the stream that the request was about goes on as before.
 *
 * Return: 0; -EINVAL: no such kind, max_delay_ms too large, or a filter with too
 *         many or too long entries; -EMFILE: there are TB_STREAMS_MAX streams; -ENOBUFS:
 *         no room for a further pending request; -ENOMEM.
 */
int tb_subscribe(struct tb_client *client,
                 const struct tb_subscription *subscription,
                 uint64_t *ret_request_id);

/*
 * Asks the broker for a sign of life: TB_MESSAGE_PONG. It comes before what waits in the
 * streams of the connection. Returns 0 or -ENOBUFS.
 */
int tb_ping(struct tb_client *client, uint64_t *ret_request_id);

/* Asks for the broker's status: TB_MESSAGE_STATUS. Returns 0 or -ENOBUFS. */
int tb_request_status(struct tb_client *client, uint64_t *ret_request_id);

/*
 * Asks for the statistics of processes (the sums of their threads) and of single
 * tasks up to now. A TB_MESSAGE_TASK_SAMPLE for each comes in this order, then
 * TB_MESSAGE_STATS_END. A number without a task gets an answer too (`gone`).
 *
 * Return: 0; -EINVAL: more than TB_STATS_MAX numbers, or no number; -ENOBUFS.
 */
int tb_request_stats(struct tb_client *client,
                     const uint32_t *pids,
                     size_t n_pids,
                     const uint32_t *tids,
                     size_t n_tids,
                     uint64_t *ret_request_id);

/*
 * Asks for a sample now, and for another after each interval. TB_MESSAGE_SAMPLING
 * answers. A sample is a TB_MESSAGE_TASK_SAMPLE for every task that ran, was
 * created or ended since the previous sample, then a TB_MESSAGE_SAMPLE. The first
 * sample has every live task. Begins a stream, as tb_subscribe() does. After a
 * reconnect the next sample is full.
 *
 * Return: 0; -EINVAL: an invalid interval, scope or filter; -EMFILE; -ENOBUFS; -ENOMEM.
 */
int tb_sample(struct tb_client *client, const struct tb_sampling *sampling, uint64_t *ret_request_id);

/*
 * Ends a stream. Its last message is TB_MESSAGE_UNSUBSCRIBED.
 *
 * Return: 0; -ENOENT: there is no such stream, or this was asked before; -ENOBUFS; -ENOMEM.
 */
int tb_unsubscribe(struct tb_client *client, uint32_t stream, uint64_t *ret_request_id);

/*
 * Gives a stream another filter, in place of its former one. @filter NULL: the whole machine.
 * The filter is copied. All else stays as it was asked for.
 *
 * TB_MESSAGE_RESTARTED answers. Messages of the stream before it have the former filter.
 * Then the stream begins anew: with a snapshot, if its subscription asked for one, or with a
 * full sample. A table that the program keeps of the stream is void at TB_MESSAGE_RESTARTED.
 * If the broker refuses, TB_MESSAGE_ERROR answers, and the stream goes on as before.
 *
 * A program need not wait for the answer before the next change. Numbers in the filter name
 * the processes that have them when the broker takes the request.
 *
 * Return: 0; -ENOENT: there is no such stream; -EINVAL: an invalid filter, or one of events
 *         for samples; -ENOBUFS: many requests have no answer yet; -ENOMEM.
 */
int tb_change_filter(struct tb_client *client,
                     uint32_t stream,
                     const struct tb_filter *filter,
                     uint64_t *ret_request_id);

/*
 * Asks for the live tasks on a stream of events, also if its subscription did not ask for
 * a snapshot. The stream begins anew with a TB_MESSAGE_RESTARTED and the snapshot, as with
 * tb_change_filter().
 *
 * Return: 0; -ENOENT; -EINVAL: a stream of samples; -ENOBUFS; -ENOMEM.
 */
int tb_get_snapshot(struct tb_client *client, uint32_t stream, uint64_t *ret_request_id);

/* The kinds of events that a table needs. */
#define TB_TABLE_KINDS                                                        \
        (TB_KINDS_DEFAULT | TB_KIND_BIT(TB_KIND_COMM) |                       \
         TB_KIND_BIT(TB_KIND_UID) | TB_KIND_BIT(TB_KIND_SID))

/* A live process. A value that is not known has a flag that is false, or is 0 where its comment says so. */
struct tb_process {
        uint32_t pid;
        uint64_t start_boot_ns;                 /* with pid its identity, as in struct tb_event; 0: not known */
        uint64_t start_time_ns;                 /* 0: not known */
        bool uid_known;
        uint32_t uid;                           /* real user id */
        bool comm_known;
        bool comm_stale;                        /* comm may be the name before an exec */
        char comm[TB_COMM_SIZE];
        struct tb_process_id maker;             /* as in struct tb_event */
        struct tb_process_id parent;            /* the present parent as of the last event: an adoption has no event */
        struct tb_process_id session;           /* the leader of its session; pid 0: it has none */
        bool kernel_thread_known;
        bool kernel_thread;
        bool task_unknown;                      /* the broker did not see the fork */
        const struct tb_program *program;       /* NULL: not asked for, or not known */
};

/*
 * Makes an empty table of live processes. It follows one stream of events with a snapshot,
 * over losses, reconnects, restarts of the broker and changes of the filter:
 *
 *         struct tb_subscription subscription = { .kinds = TB_TABLE_KINDS, .snapshot = true };
 *
 *         tb_table_new(&table);
 *         tb_subscribe(client, &subscription, NULL);
 *         ...
 *         while (tb_next(client, &message) > 0)
 *                 tb_table_apply(table, message);
 *
 * A process is known by its number and its start. The table needs no client, and several
 * tables can follow several streams.
 *
 * @ret_table: the table. The caller frees it with tb_table_free().
 *
 * Return: 0 or -ENOMEM.
 */
int tb_table_new(struct tb_table **ret_table);

/* Frees. NULL is fine. Returns NULL. */
struct tb_table *tb_table_free(struct tb_table *table);

/*
 * Takes a message. Give it all messages of one stream in order, and those without a stream.
 * It passes over messages that do not concern a table.
 *
 * Return: 0; -ENOMEM: a process is missing, and the table is not complete until the next
 *         snapshot.
 */
int tb_table_apply(struct tb_table *table, const struct tb_message *message);

/*
 * Returns whether the table has every process of the stream. The answer is no before the
 * first snapshot, and from a gap or a change of the filter until the next snapshot. The rows
 * are then as they were before. After a gap within a stream tb_get_snapshot() gets one. After
 * a loss in the kernel the broker repairs the table with events, within about a second.
 */
bool tb_table_is_complete(const struct tb_table *table);

/* Returns the number of processes. */
size_t tb_table_count(const struct tb_table *table);

/*
 * Returns the process that has the number now; NULL: the table does not have it. It is valid
 * until the next tb_table_apply().
 */
const struct tb_process *tb_table_find(const struct tb_table *table, uint32_t pid);

/* As tb_table_find(), but only the process that has this start, too. */
const struct tb_process *tb_table_get(const struct tb_table *table, const struct tb_process_id *id);

/* Returns the process behind @process, in no special order. @process NULL: the first one. NULL: there are no more. */
const struct tb_process *tb_table_next(const struct tb_table *table, const struct tb_process *process);

/* Returns the broker's Welcome; NULL until it came. The client owns it. */
const struct tb_welcome *tb_client_welcome(const struct tb_client *client);

/* Returns the present time on the scale of the client's messages. Before the Welcome it is the wall clock's time. */
uint64_t tb_time_now(const struct tb_client *client);

/*
 * Converts a time of the client's messages to the wall clock as it is set now. Returns
 * nanoseconds since 1970, for a date that a person reads.
 */
uint64_t tb_time_to_realtime(const struct tb_client *client, uint64_t time_ns);

/* Returns the client's last error as a sentence, or "" without an error. The client owns the text. */
const char *tb_error_text(const struct tb_client *client);

/* Returns "fork", "exec", ...; NULL if @kind is not a kind. */
const char *tb_kind_name(enum tb_kind kind);

/* Return the names on the wire, in lower case: "connector", "overrun"; "unknown" for other values. */
const char *tb_loss_source_name(enum tb_loss_source source);
const char *tb_loss_reason_name(enum tb_loss_reason reason);

#ifdef __cplusplus
}
#endif
