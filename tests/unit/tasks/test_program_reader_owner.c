/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * A process calls exec, or changes hands, while its program is read: at every place between
 * two accesses to /proc. A captured program belongs to the owner that the table has.
 */

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "broker/tasks/program_reader.h"
#include "tests/unit/made.h"
#include "tests/unit/made_proc.h"

#define PID 700u
#define START 12345u    /* ticks */
#define USER 1000u
#define GROUP 100u

typedef struct State State;
typedef struct Play Play;

/* The process as /proc shows it. */
struct State {
        const char *what;
        uint32_t file_uid, file_gid;    /* owner of its files */
        uint32_t uid, gid;              /* its ids */
        const char *cmdline;
};

/* The accesses to /proc are counted; before one of them the state changes, before another it changes back. */
struct Play {
        Tree tree;
        const State *now, *next;
        int n, change, back;
        int event_fd;           /* gets a message at the change; -1: no connector */
        bool changing;
};

static const State own = { "own", USER, GROUP, USER, GROUP, "prog" };

static Play play;

static void play_show(const State *state) {
        char ids[128];

        play.now = state;
        snprintf(ids, sizeof(ids), "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", state->uid, state->uid, state->uid,
                 state->uid, state->gid, state->gid, state->gid, state->gid);
        proc_add_stat(&play.tree, &(ProcTask){ .pid = PID, .tid = PID, .comm = "x", .ppid = 1, .start = START });
        proc_add_status(&play.tree, PID, PID, "x", ids);
        proc_add_program(&play.tree, PID, PID, state->cmdline, strlen(state->cmdline) + 1, state->cmdline, "0::/\n");
}

static void play_access(void) {
        if (!play.tree.fd || play.changing)
                return;
        play.changing = true;
        if (play.n == play.change) {
                play_show(play.next);
                if (play.event_fd >= 0) {
                        assert(send(play.event_fd, "x", 1, 0) == 1);
                        usleep(1000);
                }
        }
        if (play.n == play.back)
                play_show(&own);
        ++play.n;
        play.changing = false;
}

/* In place of the C library's: each file that the reader opens is closed, and each check of an owner is a stat. */
int close(int fd) {
        play_access();
        return (int)syscall(SYS_close, fd);
}

int fstatat(int dir_fd, const char *restrict path, struct stat *restrict st, int flags) {
        struct statx found;

        play_access();
        if (statx(dir_fd, path, flags, STATX_BASIC_STATS, &found) < 0)
                return -1;
        *st = (struct stat){ .st_mode = found.stx_mode, .st_uid = play.now->file_uid, .st_gid = play.now->file_gid };
        return 0;
}

ssize_t readlinkat(int dir_fd, const char *restrict path, char *restrict buffer, size_t n_buffer) {
        play_access();
        return syscall(SYS_readlinkat, dir_fd, path, buffer, n_buffer);
}

/* Reads with a change before access @change, and back before access @back. Returns the number of accesses. */
static int play_read(const State *next, int change, int back, bool at_exec, bool events, Program **ret_program,
                     bool *ret_nondumpable) {
        ProgramReader programs;
        Connector connector = { .empty = true };
        int pair[2] = { -1, -1 }, n;
        TaskTable table;
        Task *task;

        play = (Play){ .tree = tree_new(), .next = next, .event_fd = -1, .changing = true };
        if (events) {
                assert(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
                connector.fd = pair[0];
                play.event_fd = pair[1];
        }
        play_show(&own);
        task_table_init(&table);
        task = made_task(&table, PID, PID, 1, proc_wall(START));
        task->ruid = task->euid = USER;
        task->rgid = task->egid = GROUP;
        program_reader_init(&programs, play.tree.fd, &table, NULL);
        if (events)
                programs.connector = &connector;
        program_reader_want(&programs);

        play.change = change;
        play.back = back;
        play.n = 0;
        play.changing = false;
        if (at_exec)
                assert(program_reader_read_at_exec(&programs, task, true, ret_program) == 0);
        else
                assert(program_reader_read_next(&programs, &task, ret_program) == 0 && task);
        n = play.n;
        play.changing = true;
        *ret_nondumpable = task->process->nondumpable;
        program_reader_unwant(&programs);
        task_table_deinit(&table);
        for (int i = 0; i < 2; ++i)
                if (pair[i] >= 0)
                        assert(close(pair[i]) == 0);
        tree_free(&play.tree);
        play = (Play){};
        return n;
}

static bool program_is(const Program *program, const char *text) {
        return program->n_cmdline == strlen(text) + 1 && !strcmp(program_cmdline(program), text) &&
               program->n_exe == strlen(text) && !memcmp(program_exe(program), text, strlen(text));
}

/* All of it belongs to one moment, and to the owner that the table has. */
static void test_change(void) {
        static const State others[] = {
                { "a set-id program", 0, 0, 0, GROUP, "secret" },
                { "of another user", USER + 1, GROUP, USER + 1, GROUP, "secret" },
                { "of another group", USER, GROUP + 1, USER, GROUP + 1, "secret" },
                { "a set-group-id program", 0, 0, USER, GROUP + 1, "secret" },
        };
        static const State hidden = { "unreadable, or with capabilities", 0, 0, USER, GROUP, "secret" };

        for (int at_exec = 0; at_exec < 2; ++at_exec) {
                for (size_t i = 0; i <= ARRAY_SIZE(others); ++i) {
                        const State *next = i < ARRAY_SIZE(others) ? &others[i] : &hidden;
                        int n = 1, n_refused = 0;

                        for (int place = 0; place <= n; ++place) {
                                Program *program;
                                bool nondumpable;

                                n = play_read(next, place, -1, at_exec, false, &program, &nondumpable);
                                if (place == 0)
                                        assert(program->state ==
                                               (next == &hidden ? PROGRAM_CAPTURED : PROGRAM_SKIPPED));
                                if (program->state != PROGRAM_CAPTURED) {
                                        assert(program->n_cmdline == 0 && program->n_exe == 0 && !nondumpable);
                                        ++n_refused;
                                } else if (!program_is(program, "prog") || nondumpable) {
                                        /* only its owner's rights are less: administrators may know it */
                                        assert(next == &hidden && program_is(program, "secret") && nondumpable);
                                }
                                if (place == n)
                                        assert(program->state == PROGRAM_CAPTURED && program_is(program, "prog"));
                                free(program);
                        }
                        assert(n > 5 && n_refused >= 4);
                }
        }
}

/* The owner is the same before and after, but not in between: the events of both execs are in the queue. */
static void test_change_and_back(void) {
        static const State other = { "a set-id program", 0, 0, 0, GROUP, "secret" };

        for (int at_exec = 0; at_exec < 2; ++at_exec) {
                Program *program;
                bool nondumpable;
                int n = play_read(&other, -1, -1, at_exec, true, &program, &nondumpable);

                assert(program->state == PROGRAM_CAPTURED);
                free(program);
                for (int place = 1; place < n; ++place) {
                        for (int back = place + 1; back < n; ++back) {
                                (void)play_read(&other, place, back, at_exec, true, &program, &nondumpable);
                                if (program->state == PROGRAM_CAPTURED)
                                        assert(program_is(program, "prog"));
                                assert(!nondumpable);
                                free(program);
                        }
                }
        }
}

int main(void) {
        test_change();
        test_change_and_back();
        return 0;
}
