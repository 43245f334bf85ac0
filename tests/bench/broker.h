/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The broker under test: a process of the benchmark's own, on a private socket. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct BrokerStatus {
        uint64_t events;        /* forks, execs and exits, of threads too */
        uint64_t forks;         /* a part of the events */
        uint64_t connector;     /* datagrams */
        uint64_t taskstats;     /* datagrams */
        uint64_t lost;          /* datagrams of both, and events by readers */
        uint64_t live_tasks;
        uint64_t table_bytes;   /* memory of the task table */
        uint64_t snapshots;     /* made, however many read them */
        uint64_t programs;      /* that were read in time */
        uint64_t cpu_ns;        /* processor time of the broker, by its schedstat */
} BrokerStatus;

typedef struct Broker {
        pid_t pid;
        int fd;                 /* a connection that asks for its status */
        int log_fd;             /* the broker's log, or negative where it is not read */
        char directory[64];
        char path[96];
} Broker;

int broker_start(Broker *broker, const char *program);
int broker_start_timed(Broker *broker, const char *program, uint64_t *ret_ns);
int broker_status(Broker *broker, BrokerStatus *ret_status);
uint64_t broker_memory(const Broker *broker, bool peak);
int broker_reset_peak(const Broker *broker);
void broker_stop(Broker *broker);
