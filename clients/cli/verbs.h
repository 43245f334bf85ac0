/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The functions of the verbs, which main.c calls. To add a verb: a folder with its
 * function, a line here, a row in the table of main.c, and a section in
 * docs/man/taskbroker.1.
 */

typedef struct Verb Verb;

/* @socket_path NULL: the command line has none. argv[0] is the verb. */
struct Verb {
        const char *name;
        int (*run)(const char *socket_path, int argc, char **argv);
        const char *summary;
};

int verb_history(const char *socket_path, int argc, char **argv);
int verb_iotop(const char *socket_path, int argc, char **argv);
int verb_ps(const char *socket_path, int argc, char **argv);
int verb_record(const char *socket_path, int argc, char **argv);
int verb_run(const char *socket_path, int argc, char **argv);
int verb_stats(const char *socket_path, int argc, char **argv);
int verb_status(const char *socket_path, int argc, char **argv);
int verb_top(const char *socket_path, int argc, char **argv);
int verb_watch(const char *socket_path, int argc, char **argv);
