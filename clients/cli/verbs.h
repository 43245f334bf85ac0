/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What main.c and the verbs agree on. To add a verb: a file with its function, a
 * line here, one in main.c's table, and its section in docs/man/taskbroker.1.
 */

typedef struct Verb Verb;

/* The socket's path is NULL where the command line named none; argv[0] is the verb. */
struct Verb {
        const char *name;
        int (*run)(const char *socket_path, int argc, char **argv);
        const char *summary;
};

int verb_iotop(const char *socket_path, int argc, char **argv);
int verb_ps(const char *socket_path, int argc, char **argv);
int verb_run(const char *socket_path, int argc, char **argv);
int verb_stats(const char *socket_path, int argc, char **argv);
int verb_status(const char *socket_path, int argc, char **argv);
int verb_top(const char *socket_path, int argc, char **argv);
int verb_watch(const char *socket_path, int argc, char **argv);
