/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/daemon/options.h"
#include "broker/policy/limits.h"

#define MIB (1024ull * 1024ull)

#define RCVBUF_MIB_DEFAULT 64
#define FEED_MIB_DEFAULT 16

#define CLIENTS_MIB_MIN 16
#define CLIENTS_MIB_MAX 65536
#define MIB_MAX 1024

static const char usage[] =
        "Usage: taskbrokerd [OPTION...]\n"
        "\n"
        "Listens to the kernel's task events and tells them to all who connect to its socket.\n"
        "\n"
        "  --socket PATH       where to listen (default /run/taskbroker.sock)\n"
        "  --socket-mode MODE  who may connect, in octal (default 0666: everybody)\n"
        "  --socket-group GROUP\n"
        "                      the socket's group\n"
        "  --admin-group GROUP who may know everything, as root does (default taskbroker)\n"
        "  --foreign-exit-status withhold|show\n"
        "                      whether users are told how others' processes ended (default withhold)\n"
        "  --rcvbuf-mib N      receive buffer of each kernel source, 1 to 1024 (default 64)\n"
        "  --feed-mib N        events kept for subscribers that are behind, 1 to 1024 (default 16)\n"
        "  --clients-mib N     memory for all clients, 16 to 65536 (default 512)\n"
        "  --user-mib N        of that, for the clients of one user, 1 to 65536 (default 128)\n"
        "  --user-connections N\n"
        "                      connections of one user, 1 to 4096 (default 256)\n"
        "  --delayacct MODE    have the kernel count delays: never, always or on-demand, while\n"
        "                      somebody samples (default never: as it is)\n"
        "  --log-level LEVEL   err, warning, notice, info or debug (default info)\n"
        "  --user NAME         who to be once the kernel's sources are open (default taskbroker)\n"
        "  --keep-ptrace       keep CAP_SYS_PTRACE: the executables of other users' processes can be told\n"
        "  --seccomp on|off    whether the kernel refuses system calls that are not needed (default on)\n"
        "  --check             say what the kernel offers and what is missing, and end\n"
        "  --help, --version\n";

static bool number_parse(const char *text, unsigned long min, unsigned long max, unsigned long *ret) {
        char *end;

        errno = 0;
        *ret = strtoul(text, &end, 10);
        return errno == 0 && *text >= '0' && *text <= '9' && *end == 0 && *ret >= min && *ret <= max;
}

static bool mode_parse(const char *text, uint32_t *ret) {
        char *end;
        unsigned long mode = strtoul(text, &end, 8);

        if (*text < '0' || *text > '7' || *end != 0 || mode > 0777)
                return false;
        *ret = (uint32_t)mode;
        return true;
}

static int refuse(const char *option, const char *value, const char *accepted) {
        fprintf(stderr, "taskbrokerd: --%s takes %s, not '%s'. See taskbrokerd --help.\n", option, accepted, value);
        return OPTIONS_E_USAGE;
}

/**
 * options_parse() - read the command line
 * @ret_options:  output; texts are borrowed from @argv
 * @argc:         as main() has it
 * @argv:         as main() has it
 *
 * Return: 0, OPTIONS_E_DONE or OPTIONS_E_USAGE.
 */
int options_parse(Options *ret_options, int argc, char **argv) {
        enum {
                SOCKET = 256,
                RCVBUF_MIB,
                RCVBUF_BYTES,
                FEED_MIB,
                CLIENTS_MIB,
                USER_MIB,
                USER_CONNECTIONS,
                LOG_LEVEL,
                SOCKET_MODE,
                SOCKET_GROUP,
                ADMIN_GROUP,
                FOREIGN_EXIT_STATUS,
                CHECK,
                USER,
                KEEP_PTRACE,
                SECCOMP,
                CONNECTOR_FD,
                TASKSTATS_FD,
                STATS_FD,
                DELAYACCT,
                DELAYACCT_STATE,
                LISTENER_FD,
                PROCFS,
                HELP,
                VERSION,
        };
        static const struct option longs[] = {
                { "socket", required_argument, NULL, SOCKET },
                { "rcvbuf-mib", required_argument, NULL, RCVBUF_MIB },
                { "rcvbuf-bytes", required_argument, NULL, RCVBUF_BYTES },
                { "feed-mib", required_argument, NULL, FEED_MIB },
                { "clients-mib", required_argument, NULL, CLIENTS_MIB },
                { "user-mib", required_argument, NULL, USER_MIB },
                { "user-connections", required_argument, NULL, USER_CONNECTIONS },
                { "log-level", required_argument, NULL, LOG_LEVEL },
                { "socket-mode", required_argument, NULL, SOCKET_MODE },
                { "socket-group", required_argument, NULL, SOCKET_GROUP },
                { "admin-group", required_argument, NULL, ADMIN_GROUP },
                { "foreign-exit-status", required_argument, NULL, FOREIGN_EXIT_STATUS },
                { "check", no_argument, NULL, CHECK },
                { "user", required_argument, NULL, USER },
                { "keep-ptrace", no_argument, NULL, KEEP_PTRACE },
                { "seccomp", required_argument, NULL, SECCOMP },
                { "connector-fd", required_argument, NULL, CONNECTOR_FD },
                { "taskstats-fd", required_argument, NULL, TASKSTATS_FD },
                { "delayacct", required_argument, NULL, DELAYACCT },
                { "delayacct-state", required_argument, NULL, DELAYACCT_STATE },
                { "stats-fd", required_argument, NULL, STATS_FD },
                { "listener-fd", required_argument, NULL, LISTENER_FD },
                { "procfs", required_argument, NULL, PROCFS },
                { "help", no_argument, NULL, HELP },
                { "version", no_argument, NULL, VERSION },
                {},
        };
        unsigned long n;
        int c, i;

        *ret_options = (Options){
                .socket_path = "/run/taskbroker.sock",
                .rcvbuf_bytes = RCVBUF_MIB_DEFAULT * MIB,
                .feed_bytes = FEED_MIB_DEFAULT * MIB,
                .clients_bytes = LIMIT_CLIENTS_MIB * MIB,
                .user_bytes = LIMIT_USER_MIB * MIB,
                .user_connections = LIMIT_USER_CONNECTIONS,
                .log_level = LOG_LEVEL_INFO,
                .socket_mode = 0666,
                .seccomp = true,
                .connector_fd = -1,
                .taskstats_fd = -1,
                .stats_fd = -1,
                .delayacct_state = "/run/taskbroker-delayacct",
                .listener_fd = -1,
                .procfs = "/proc",
        };

        while ((c = getopt_long(argc, argv, "", longs, &i)) >= 0) {
                switch (c) {
                case SOCKET:
                        if (*optarg == 0)
                                return refuse(longs[i].name, optarg, "a path");
                        ret_options->socket_path = optarg;
                        break;
                case RCVBUF_MIB:
                        if (!number_parse(optarg, 1, MIB_MAX, &n))
                                return refuse(longs[i].name, optarg, "a number of MiB from 1 to 1024");
                        ret_options->rcvbuf_bytes = n * MIB;
                        break;
                case RCVBUF_BYTES:
                        if (!number_parse(optarg, 1, MIB_MAX * MIB, &n))
                                return refuse(longs[i].name, optarg, "a number of bytes");
                        ret_options->rcvbuf_bytes = n;
                        break;
                case FEED_MIB:
                        if (!number_parse(optarg, 1, MIB_MAX, &n))
                                return refuse(longs[i].name, optarg, "a number of MiB from 1 to 1024");
                        ret_options->feed_bytes = n * MIB;
                        break;
                case CLIENTS_MIB:
                        if (!number_parse(optarg, CLIENTS_MIB_MIN, CLIENTS_MIB_MAX, &n))
                                return refuse(longs[i].name, optarg, "a number of MiB from 16 to 65536");
                        ret_options->clients_bytes = n * MIB;
                        break;
                case USER_MIB:
                        if (!number_parse(optarg, 1, CLIENTS_MIB_MAX, &n))
                                return refuse(longs[i].name, optarg, "a number of MiB from 1 to 65536");
                        ret_options->user_bytes = n * MIB;
                        break;
                case USER_CONNECTIONS:
                        if (!number_parse(optarg, 1, LIMIT_CONNECTIONS, &n))
                                return refuse(longs[i].name, optarg, "a number from 1 to 4096");
                        ret_options->user_connections = n;
                        break;
                case LOG_LEVEL:
                        if (!log_level_parse(optarg, &ret_options->log_level))
                                return refuse(longs[i].name, optarg, "err, warning, notice, info or debug");
                        break;
                case SOCKET_MODE:
                        if (!mode_parse(optarg, &ret_options->socket_mode))
                                return refuse(longs[i].name, optarg, "an octal mode such as 0666 or 0660");
                        break;
                case SOCKET_GROUP:
                        ret_options->socket_group = optarg;
                        break;
                case ADMIN_GROUP:
                        if (*optarg == 0)
                                return refuse(longs[i].name, optarg, "a group");
                        ret_options->admin_group = optarg;
                        break;
                case FOREIGN_EXIT_STATUS:
                        if (strcmp(optarg, "withhold") != 0 && strcmp(optarg, "show") != 0)
                                return refuse(longs[i].name, optarg, "withhold or show");
                        ret_options->shows_exit_status = strcmp(optarg, "show") == 0;
                        break;
                case CHECK:
                        ret_options->check = true;
                        break;
                case USER:
                        if (*optarg == 0)
                                return refuse(longs[i].name, optarg, "the name of a user");
                        ret_options->user = optarg;
                        break;
                case KEEP_PTRACE:
                        ret_options->keep_ptrace = true;
                        break;
                case SECCOMP:
                        ret_options->seccomp = strcmp(optarg, "on") == 0;
                        if (!ret_options->seccomp && strcmp(optarg, "off") != 0)
                                return refuse(longs[i].name, optarg, "on or off");
                        break;
                case DELAYACCT:
                        if (!delayacct_parse_mode(optarg, &ret_options->delayacct))
                                return refuse(longs[i].name, optarg, "never, always or on-demand");
                        break;
                case DELAYACCT_STATE:
                        ret_options->delayacct_state = optarg;
                        break;
                case CONNECTOR_FD:
                case TASKSTATS_FD:
                case STATS_FD:
                case LISTENER_FD:
                        if (!number_parse(optarg, 0, 1 << 20, &n))
                                return refuse(longs[i].name, optarg, "a file descriptor");
                        if (c == CONNECTOR_FD)
                                ret_options->connector_fd = (int)n;
                        else if (c == TASKSTATS_FD)
                                ret_options->taskstats_fd = (int)n;
                        else if (c == STATS_FD)
                                ret_options->stats_fd = (int)n;
                        else
                                ret_options->listener_fd = (int)n;
                        break;
                case PROCFS:
                        ret_options->procfs = optarg;
                        break;
                case HELP:
                        fputs(usage, stdout);
                        return OPTIONS_E_DONE;
                case VERSION:
                        puts("taskbrokerd " TASKBROKER_VERSION);
                        return OPTIONS_E_DONE;
                default:
                        fputs("See taskbrokerd --help.\n", stderr);
                        return OPTIONS_E_USAGE;
                }
        }

        if (optind < argc) {
                fprintf(stderr, "taskbrokerd: takes options only, not '%s'. See taskbrokerd --help.\n", argv[optind]);
                return OPTIONS_E_USAGE;
        }
        if ((ret_options->connector_fd < 0) != (ret_options->taskstats_fd < 0)) {
                fputs("taskbrokerd: --connector-fd and --taskstats-fd go together.\n", stderr);
                return OPTIONS_E_USAGE;
        }
        return 0;
}
