/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* ProcMessage: one message of the proc connector, parsed; and the requests sent to it. Pure. */

#include <stddef.h>
#include <stdint.h>

#include "broker/model/event.h"

typedef struct ProcMessage ProcMessage;

enum {
        _PROC_MESSAGE_E_SUCCESS,
        PROC_MESSAGE_E_MALFORMED,       /* not of the proc connector */
        PROC_MESSAGE_E_ACK,             /* an acknowledgement: cpu, seq, ack are set */
        PROC_MESSAGE_E_UNKNOWN,         /* an event that this broker does not know: cpu, seq are set */
        PROC_MESSAGE_E_NO_TASK,         /* its task numbers are invalid: cpu, seq are set */
};

struct ProcMessage {
        uint32_t seq;   /* running number of the messages that this CPU made */
        uint32_t ack;   /* acknowledgements: the request's, plus one */
        uint64_t monotonic_ns;
        Event event;    /* kind, cpu, pid, tid and the kind's own members; without a time */
};

/* Tasks have numbers below the kernel's PID_MAX_LIMIT. */
#define PROC_PID_LIMIT (4u * 1024u * 1024u)

/* CPUs that a kernel can have at most (CONFIG_NR_CPUS). */
#define PROC_CPU_LIMIT 8192u

/* Requests. The kernel refuses INVALID: see connector.c for its use. */
typedef enum ProcRequest {
        PROC_REQUEST_LISTEN = 1,
        PROC_REQUEST_IGNORE = 2,
        PROC_REQUEST_INVALID = 0x7fff,
} ProcRequest;

#define PROC_REQUEST_SIZE 40

int proc_message_parse(const void *data, size_t n_data, ProcMessage *ret_message);
size_t proc_request_build(uint8_t buffer[static PROC_REQUEST_SIZE], ProcRequest request, uint32_t ack);
