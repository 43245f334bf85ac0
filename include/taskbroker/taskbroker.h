/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * libtaskbroker: listen to every task of a Linux machine, through taskbrokerd.
 *
 * The library has no event loop and no thread. A program connects, waits for
 * the descriptor with whatever loop it has, lets the library process what came,
 * and takes messages one by one:
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
 * Errors are negative errno values; tb_error_text() has a sentence for each.
 * No privileges are needed; a client is not thread-safe, several clients in
 * several threads are fine.
 *
 * Words: a task has a `tid` (gettid), a process a `pid` (getpid). Times are
 * nanoseconds since the epoch. The statistics carry the kernel's own names (see
 * taskstats.proto, which says where each comes from) with the unit behind them.
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

/* A name of the kernel's: at most 31 bytes and a NUL, not necessarily UTF-8. */
#define TB_COMM_SIZE 32

/* One kind of waiting. */
struct tb_delay {
        bool known;             /* false: this kernel does not measure it, or did not for this task */
        bool peak_known;        /* false: no extremes (kernel before 6.14, or it never waited) */
        uint64_t count;         /* how often */
        uint64_t total_ns;      /* how long in all */
        uint64_t max_ns;        /* the longest */
        uint64_t min_ns;        /* the shortest */
        uint64_t max_time_ns;   /* when the longest one ended; 0: not known (kernel before 7.0) */
};

/*
 * The accounting of one task, or the totals of one process. A group whose bit is
 * not in `groups` was not measured or withheld, and its fields are 0; the other
 * masks say why.
 */
struct tb_task_stats {
        uint32_t groups;                /* TB_STATS_BIT()s of what is there */
        uint32_t unsupported_groups;    /* not kept by this kernel */
        uint32_t uncounted_groups;      /* delay accounting was off when the task was born */
        uint32_t withheld_groups;       /* not for this client to know */
        uint32_t taskstats_version;     /* of the kernel's record */

        /* Totals of a process only. */
        uint32_t tasks;                 /* tasks in them; 0: this is one task's record */
        uint32_t tasks_missing;         /* tasks that ended without statistics: the totals lack them */
        bool tasks_unseen;              /* the process is older than the broker: see taskstats.proto */

        struct {
                uint32_t ac_pid;                /* tid */
                uint32_t ac_tgid;               /* pid; 0 before taskstats 12 */
                uint32_t ac_ppid;               /* pid of the parent */
                uint32_t ac_uid;                /* real user id */
                uint32_t ac_gid;                /* real group id */
                char ac_comm[TB_COMM_SIZE];     /* name */
                uint32_t ac_flag;               /* AFORK 1, ASU 2, ACORE 8, AXSIG 16, AGROUP 32 */
                uint32_t ac_btime_s;            /* begin, since the epoch; jitters */
                uint64_t ac_btime64_s;          /* the same; 0 before taskstats 10 */
                uint64_t ac_etime_us;           /* elapsed since this task began */
                uint64_t ac_tgetime_us;         /* elapsed since the process began; 0 before taskstats 12 */
        } identity;

        struct {
                uint64_t cpu_run_virtual_total_ns;      /* processor time, measured; may lack the last timer tick */
                uint64_t cpu_run_real_total_ns;         /* user + system, sampled at the tick */
                uint64_t ac_utime_us;                   /* user, sampled */
                uint64_t ac_stime_us;                   /* system, sampled */
                uint64_t ac_utimescaled_us;             /* scaled by frequency, where the architecture does so */
                uint64_t ac_stimescaled_us;
                uint64_t cpu_scaled_run_real_total_ns;
        } cpu;

        struct {
                uint64_t ac_minflt;             /* page faults without I/O */
                uint64_t ac_majflt;             /* page faults with I/O */
                uint64_t hiwater_rss_kib;       /* peak resident memory of the address space */
                uint64_t hiwater_vm_kib;        /* peak virtual memory of the address space */
        } memory;

        struct {
                uint64_t coremem_mib_us;        /* resident memory times processor time */
                uint64_t virtmem_mib_us;        /* virtual memory times processor time */
        } memory_integrals;

        struct {
                uint64_t nvcsw;                 /* voluntary context switches */
                uint64_t nivcsw;                /* involuntary ones */
                uint32_t ac_sched;              /* SCHED_* */
                int32_t ac_nice;                /* -20 to 19 */
        } scheduling;

        /* The kernel rounds each down to a multiple of 1024, the calls included. */
        struct {
                uint64_t read_char_bytes;       /* asked for by read calls */
                uint64_t write_char_bytes;      /* handed to write calls */
                uint64_t read_syscalls;
                uint64_t write_syscalls;
                uint64_t read_bytes;            /* fetched from storage */
                uint64_t write_bytes;           /* sent to storage */
                uint64_t cancelled_write_bytes; /* of those, never went */
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
                uint32_t ac_exitcode;           /* as wait(2) gives it */
        } exit_status;
};

/* How a task or a process ended. */
struct tb_termination {
        bool known;             /* false: withheld, or not told */
        uint32_t exit_code;     /* 0 to 255 */
        uint32_t term_signal;   /* 0: not ended by a signal */
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
};

enum tb_loss_reason {
        TB_LOSS_REASON_OVERRUN = 1,
        TB_LOSS_REASON_MUTED = 2,
        TB_LOSS_REASON_FELL_BEHIND = 3,
};

/* As event.proto, ProgramState. */
enum tb_program_state {
        TB_PROGRAM_UNKNOWN = 0,         /* never asked for while the process ran */
        TB_PROGRAM_CAPTURED = 1,
        TB_PROGRAM_LATE = 2,            /* the process had gone */
        TB_PROGRAM_SKIPPED = 3,         /* the broker had too much to read */
};

/* What a process runs. Bytes, not necessarily UTF-8; each is followed by a NUL that does not count. */
struct tb_program {
        enum tb_program_state state;
        const char *cmdline;            /* arguments, each ended by a NUL */
        size_t n_cmdline;
        const char *exe;                /* "" where not known: see taskbrokerd --keep-ptrace */
        size_t n_exe;
        const char *cgroup;
        size_t n_cgroup;
        bool truncated;                 /* one of them was longer */
        bool exe_withheld;              /* exe is not for this client to know */
};

/* One kernel fact about one task. */
struct tb_event {
        enum tb_kind kind;
        uint64_t number;        /* place in this subscription's stream */
        uint64_t time_ns;       /* when it happened */
        int64_t realtime_offset_ns; /* time_ns minus this is the kernel's CLOCK_MONOTONIC stamp */
        uint32_t cpu;           /* where it happened */
        uint32_t pid;           /* the process */
        uint32_t tid;           /* the task; fork: the new one */
        uint32_t ppid;          /* the process' parent; 0: none or not known */
        uint32_t uid;           /* real user id of the task */
        char comm[TB_COMM_SIZE];/* its name; fork: its parent's */
        uint64_t start_time_ns; /* when the task began: with pid or tid, its identity */
        bool task_unknown;      /* its birth was lost: what is 0 above is not known */
        bool synthesised;       /* concluded by the broker, not told by the connector */
        bool left_filter;       /* with this the task passes the filter no more */
        bool restricted;        /* the task is not the client's own: only what everyone may know is here */

        union {
                struct {
                        uint32_t parent_pid;
                        uint32_t parent_tid;
                } fork;
                struct {
                        bool comm_stale;                                /* comm is the name from before */
                        const struct tb_program *program;               /* what it runs now; NULL: not asked for */
                } exec;
                struct {
                        struct tb_termination termination;              /* of the task */
                        bool process_ended;                             /* with this task */
                        struct tb_termination process_termination;      /* of the process; if it ended */
                        enum tb_stats_missing stats_missing;            /* why stats is NULL */
                        uint32_t exit_signal;                           /* what the parent was sent */
                        const struct tb_task_stats *stats;              /* of the task, or NULL */
                        const struct tb_task_stats *process_stats;      /* of the process; if it ended, and there are any */
                        const struct tb_program *program;               /* what it ran; NULL: not asked for */
                } exit;
                struct {
                        char old_comm[TB_COMM_SIZE];
                } comm_change;
                struct {
                        uint32_t real_id;
                        uint32_t effective_id;
                } credentials;                                          /* of TB_KIND_UID and TB_KIND_GID */
                struct {
                        uint32_t tracer_pid;                            /* 0: detached */
                        uint32_t tracer_tid;
                } ptrace;
                struct {
                        uint64_t count;
                        enum tb_loss_source source;
                        enum tb_loss_reason reason;
                        bool at_least;                                  /* there may be more than count */
                        bool cpu_known;                                 /* cpu tells where */
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

/* As broker.proto, Access: what this client may know. */
enum tb_access {
        TB_ACCESS_UNKNOWN = 0,          /* an older broker: it lets only root in */
        TB_ACCESS_ALL = 1,
        TB_ACCESS_OWN = 2,              /* of its own tasks all, of others what everyone may know */
        TB_ACCESS_OWN_ONLY = 3,         /* of its own tasks only */
};

/* The broker's first words. */
struct tb_welcome {
        uint64_t epoch;                 /* random, new with each start of the broker */
        const char *broker_version;
        const char *kernel_release;
        uint32_t taskstats_version;     /* 0: no record was seen yet */
        enum tb_delay_accounting delay_accounting;
        int64_t realtime_offset_ns;     /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
        uint64_t start_time_ns;         /* of the broker */
        size_t n_features;
        const char *const *features;
        enum tb_access access;
        uint32_t uid;                   /* who the client is to the broker */
};

/* The answer to tb_subscribe(). */
struct tb_subscribed {
        uint64_t feed;                  /* names the feed within the epoch */
        uint64_t next_number;           /* of the first event to come */
        bool resumed;                   /* the feed of the former connection goes on */
};

/* A task of the snapshot: see broker.proto, Task. */
struct tb_task {
        uint32_t pid;
        uint32_t tid;
        uint32_t ppid;                  /* 0: none or not known */
        uint32_t uid, euid;             /* real and effective */
        uint32_t gid, egid;
        uint32_t session;               /* 0: none or not known */
        char comm[TB_COMM_SIZE];
        uint64_t start_time_ns;
        uint32_t tasks;                 /* without threads: live tasks of the process */
        bool kernel_thread;
        bool credentials_changed;       /* since its last exec */
        bool seeded;                    /* start_time_ns is right to 10 ms */
        bool task_unknown;              /* its birth was lost: ids and comm are not known */
        const struct tb_program *program; /* NULL: not asked for */
};

/* The snapshot is complete. */
struct tb_snapshot_end {
        uint64_t number;                /* the tasks were those as of this number */
        uint64_t tasks;                 /* how many there were */
        uint64_t time_ns;               /* when it was taken */
};

/* What became of the connection, of a client that reconnects. */
enum tb_link_state {
        TB_LINK_LOST = 1,               /* it broke; trying again */
        TB_LINK_RESUMED = 2,            /* it is back, and so is the feed: nothing is missing, or a Loss says what */
        TB_LINK_RESTARTED = 3,          /* it is back with a new feed: what happened meanwhile is not known */
};

struct tb_link {
        enum tb_link_state state;
        const char *reason;             /* LOST: why, in a sentence. RESTARTED: why the feed did not go on */
        uint64_t lost_time_ns;          /* when the connection broke, since the epoch */
        uint32_t tries;                 /* RESUMED, RESTARTED: how many it took */
};

/* One kernel source's counters, in datagrams. */
struct tb_source_status {
        uint64_t received;
        uint64_t lost;
        uint64_t dropped;               /* of those, counted by the socket */
        uint64_t truncated;
        uint64_t malformed;
        uint64_t foreign;               /* not from the kernel: ignored */
        uint64_t muted;                 /* how often it was found silenced */
        uint64_t repaired;
        uint64_t receive_buffer_bytes;
};

/* The answer to tb_request_status(): see broker.proto, Status. */
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
        uint64_t events[TB_KIND_LOSS + 1];      /* by kind */
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
        bool withheld;                  /* some counters are not for this client to know, and 0 */
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
};

/* As sample.proto, SampleScope. */
enum tb_sample_scope {
        TB_SAMPLE_PROCESSES = 1,        /* the sums of their threads, ended ones included */
        TB_SAMPLE_THREADS = 2,
};

/* What one task, or one process, has used since its birth: see sample.proto, TaskSample. */
struct tb_task_sample {
        uint32_t pid;
        uint32_t tid;                   /* of a process: its leader */
        uint32_t ppid;                  /* 0: none or not known */
        uint32_t uid;                   /* real user id */
        char comm[TB_COMM_SIZE];
        uint64_t start_time_ns;         /* with pid and tid: its identity */
        uint64_t time_ns;               /* when the kernel was asked, or it ended */
        const struct tb_task_stats *stats; /* totals since its birth; NULL: gone, or stats_missing says why */
        uint32_t tasks;                 /* of a process: its live threads */
        bool kernel_thread;
        bool gone;                      /* answers tb_request_stats(): there is no such task, or none to know of */
        bool ended;                     /* these are its last values */
        struct tb_termination termination;      /* ended: how */
        enum tb_stats_missing stats_missing;    /* ended: why stats is NULL */
};

/* A sample is complete: see sample.proto, SampleBatch. */
struct tb_sample {
        uint64_t number;                /* in this subscription, from 1 */
        uint64_t begin_time_ns;         /* when the broker began, and ended, to ask the kernel */
        uint64_t end_time_ns;
        uint64_t span_ns;               /* from the end of the sample before to the end of this; 0: the first */
        uint64_t tasks;                 /* how many TB_MESSAGE_TASK_SAMPLE came with it */
        bool full;                      /* it had every live task of the subscription */
        uint64_t forks;                 /* within the span, of those that the subscription is of */
        uint64_t execs;
        uint64_t exits;
        uint64_t lost;                  /* events that the kernel lost meanwhile */
        uint64_t samples_lost;          /* samples before this one that the client was too slow for */
};

/* As broker.proto, ErrorCode. */
enum tb_error_code {
        TB_ERROR_BAD_FRAME = 1,
        TB_ERROR_TOO_LARGE = 2,
        TB_ERROR_BAD_MESSAGE = 3,
        TB_ERROR_UNKNOWN_FIELD = 4,
        TB_ERROR_BAD_VALUE = 5,
        TB_ERROR_ALREADY_SUBSCRIBED = 6,
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
        const char *message;            /* one sentence, English */
        const char *field;              /* of the request; "" where none */
        bool closing;                   /* the connection ends after this */
        uint64_t lost;                  /* TB_ERROR_FELL_BEHIND: events lost */
};

enum tb_message_type {
        TB_MESSAGE_WELCOME,
        TB_MESSAGE_SUBSCRIBED,
        TB_MESSAGE_EVENT,
        TB_MESSAGE_STATUS,
        TB_MESSAGE_ERROR,
        TB_MESSAGE_TASK,                /* one of the snapshot; they come before the first event */
        TB_MESSAGE_SNAPSHOT_END,
        TB_MESSAGE_LINK,                /* only after tb_set_reconnect() */
        TB_MESSAGE_TASK_SAMPLE,         /* one of an answer to tb_request_stats(), or of a sample */
        TB_MESSAGE_STATS_END,           /* the answer to tb_request_stats() is complete */
        TB_MESSAGE_SAMPLING,            /* tb_sample() was accepted */
        TB_MESSAGE_SAMPLE,              /* a sample is complete */
};

/* What tb_next() hands out. */
struct tb_message {
        enum tb_message_type type;
        uint64_t request_id;            /* of the request that it answers; else 0 */
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
        };
};

/*
 * Which part of the machine: see broker.proto, Filter. All zero: all of it. The
 * arrays and texts are the caller's, and read during tb_subscribe() only.
 */
struct tb_filter {
        const uint32_t *uids;           /* real user ids */
        size_t n_uids;                  /* at most TB_FILTER_UIDS_MAX */
        const uint32_t *pids;           /* processes and their children */
        size_t n_pids;                  /* at most TB_FILTER_PIDS_MAX */
        const uint32_t *subtrees;       /* processes and all that descends from them */
        size_t n_subtrees;              /* at most TB_FILTER_SUBTREES_MAX */
        const char *const *comms;       /* patterns of names */
        size_t n_comms;                 /* at most TB_FILTER_COMMS_MAX, of at most TB_FILTER_COMM_BYTES_MAX */
        const char *const *cgroups;     /* cgroups and all below */
        size_t n_cgroups;               /* at most TB_FILTER_CGROUPS_MAX, of at most TB_FILTER_CGROUP_BYTES_MAX */
        const char *cpus;               /* "0-3,8"; NULL: all */
        bool nonzero;                   /* of exits, only those that failed */
};

#define TB_FILTER_UIDS_MAX 64u
#define TB_FILTER_PIDS_MAX 64u
#define TB_FILTER_SUBTREES_MAX 16u
#define TB_FILTER_COMMS_MAX 16u
#define TB_FILTER_COMM_BYTES_MAX 63u
#define TB_FILTER_CGROUPS_MAX 8u
#define TB_FILTER_CGROUP_BYTES_MAX 511u

/* What to ask for. All zero: forks, execs and exits of processes, at once. */
struct tb_subscription {
        uint32_t kinds;                 /* TB_KIND_BIT()s; 0: TB_KINDS_DEFAULT. Loss always comes */
        bool threads;                   /* threads too */
        bool strict;                    /* end the connection rather than go on after losing events */
        uint32_t max_delay_ms;          /* events may be held back so long; at most 60000 */
        bool snapshot;                  /* first the tasks that are alive, then what happens from then on */
        bool programs;                  /* what processes run, with exec, exit and the snapshot */
        struct tb_filter filter;
};

/* What to sample. */
struct tb_sampling {
        uint32_t interval_ms;           /* 100 to 60000 */
        enum tb_sample_scope scope;     /* 0: TB_SAMPLE_PROCESSES */
        uint32_t groups;                /* TB_STATS_BIT()s of what is wanted; 0: all */
        struct tb_filter filter;        /* without cpus and nonzero, which are about events */
};

/* Numbers that one tb_request_stats() can ask for, in all. */
#define TB_STATS_MAX 128u

/*
 * Connects to the broker.
 *
 * @path: the socket; NULL: what TASKBROKER_SOCKET names, else TB_SOCKET_PATH.
 * @ret_client: the client, to be closed with tb_close().
 *
 * Does not wait for the broker to say anything: its Welcome is the first message.
 *
 * Return: 0; -ENOENT or -ECONNREFUSED: no broker there; -EACCES: not allowed;
 *         -ENAMETOOLONG; -EINVAL: @path is empty; -ENOMEM; another negative errno
 *         of socket(2) or connect(2). tb_error_text(NULL) tells nothing of this call: use
 *         tb_connect_error_text().
 */
int tb_connect(const char *path, struct tb_client **ret_client);

/*
 * Makes a client of a connected stream socket; takes ownership of it, also on
 * failure, and makes it non-blocking.
 */
int tb_connect_fd(int fd, struct tb_client **ret_client);

/*
 * Says in a sentence why tb_connect() failed and what to do, into @buffer.
 * @path and @error are what tb_connect() was given and what it returned.
 */
void tb_connect_error_text(const char *path, int error, char *buffer, size_t n_buffer);

/*
 * Makes a client of tb_connect() survive its connection: when that breaks, and
 * when the broker restarts, the client connects again (after 0.1 s, then twice as
 * long each time, 5 s at most), subscribes as before, and goes on exactly where
 * it was. It says so with TB_MESSAGE_LINK: if the feed could not go on
 * (TB_LINK_RESTARTED), TB_MESSAGE_SUBSCRIBED follows and, where the subscription
 * asked for one, a new snapshot: the program's own table is void then. A request
 * for the status is not repeated.
 *
 * To be called before the first tb_process(). From then on tb_fd() is a
 * descriptor for POLLIN alone, which stays the same and wakes for the next try
 * too, and tb_process() fails for good only where trying again is of no use: the
 * socket may not be used, what listens there is not a broker, or the subscription
 * itself was refused.
 *
 * Return: 0; -EINVAL: the client was made of a descriptor; another negative errno.
 */
int tb_set_reconnect(struct tb_client *client);

/* Closes and frees. NULL is fine. Returns NULL. */
struct tb_client *tb_close(struct tb_client *client);

/* The descriptor to wait for. Owned by the client. */
int tb_fd(const struct tb_client *client);

/* What to wait for with poll(2): POLLIN, and POLLOUT while a request waits to be sent. */
short tb_poll_events(const struct tb_client *client);

/*
 * Sends what waits and receives what came, without blocking: at most 1 MiB a
 * call, so that a flood does not keep the caller. Messages are then ready for
 * tb_next(). While messages wait there, it receives nothing, so that memory is
 * bounded.
 *
 * Return: 0; -EPIPE: the broker closed the connection (messages that came before
 *         are still there for tb_next()); -EPROTO: it sent what is not the
 *         protocol; another negative errno. After an error only tb_next(),
 *         tb_error_text() and tb_close() make sense.
 */
int tb_process(struct tb_client *client);

/*
 * Takes the next message.
 *
 * @ret_message: valid until the next call with this client.
 *
 * Return: 1: there is one; 0: none, wait and tb_process(); -EPROTO: what came
 *         is not the protocol; -ENOMEM.
 */
int tb_next(struct tb_client *client, const struct tb_message **ret_message);

/*
 * Asks for events. @subscription NULL: the defaults. @ret_request_id, if not
 * NULL, is what TB_MESSAGE_SUBSCRIBED or TB_MESSAGE_ERROR will repeat.
 *
 * Return: 0; -EINVAL: no such kind, max_delay_ms too large, or a filter with too
 *         many entries, or too long ones; -ENOBUFS: more requests wait to be sent
 *         than fit.
 */
int tb_subscribe(struct tb_client *client,
                 const struct tb_subscription *subscription,
                 uint64_t *ret_request_id);

/* Asks for the broker's status: TB_MESSAGE_STATUS. Return: 0, or -ENOBUFS. */
int tb_request_status(struct tb_client *client, uint64_t *ret_request_id);

/*
 * Asks what processes (the sums of their threads) and single tasks have used up to
 * now: a TB_MESSAGE_TASK_SAMPLE for each, in this order, then TB_MESSAGE_STATS_END.
 * A number that is nobody's is an answer too (`gone`).
 *
 * Return: 0; -EINVAL: more than TB_STATS_MAX numbers, or none; -ENOBUFS.
 */
int tb_request_stats(struct tb_client *client,
                     const uint32_t *pids,
                     size_t n_pids,
                     const uint32_t *tids,
                     size_t n_tids,
                     uint64_t *ret_request_id);

/*
 * Asks for a sample now and then one every interval: TB_MESSAGE_SAMPLING, and for
 * each sample a TB_MESSAGE_TASK_SAMPLE for every task that ran, was born or ended
 * since the one before, then TB_MESSAGE_SAMPLE. The first has every live task. It
 * takes the place of tb_subscribe(): a connection has one or the other. A client
 * that reconnects asks again; what comes then is full.
 *
 * Return: 0; -EINVAL: an interval, a scope or a filter that cannot be; -ENOBUFS.
 */
int tb_sample(struct tb_client *client, const struct tb_sampling *sampling, uint64_t *ret_request_id);

/* The broker's Welcome; NULL until it came. Owned by the client. */
const struct tb_welcome *tb_client_welcome(const struct tb_client *client);

/* The last error of this client in a sentence; "" where there was none. Owned by the client. */
const char *tb_error_text(const struct tb_client *client);

/* "fork", "exec", ...; NULL for what is not a kind. */
const char *tb_kind_name(enum tb_kind kind);

/* The names on the wire, in lower case: "connector", "overrun"; "unknown" for others. */
const char *tb_loss_source_name(enum tb_loss_source source);
const char *tb_loss_reason_name(enum tb_loss_reason reason);

#ifdef __cplusplus
}
#endif
