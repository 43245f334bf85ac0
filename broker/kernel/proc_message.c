/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nlmsghdr (type NLMSG_DONE, at which mnl_cb_run() would stop: so it is walked by
 * hand), cn_msg, proc_event. A datagram holds one message. struct proc_event is
 * 8-aligned in the header and 4-aligned in the datagram: it is copied out.
 *
 * The kernel's `pid` is our tid, its `tgid` our pid; here the names change.
 */

#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <string.h>

#include "broker/base/util.h"
#include "broker/kernel/proc_message.h"

/*
 * struct proc_event as today's kernels send it. Its data are a union of structs, of which
 * the header of an older distribution may lack members. So they are read by offset, as the
 * rows of proto/event_kinds.h say. The size has never changed: absent members read as 0.
 */
typedef struct ProcEvent ProcEvent;

struct ProcEvent {
        uint32_t what;
        uint32_t cpu;
        uint64_t time_ns;
        uint8_t data[24];
};

_Static_assert(sizeof(ProcEvent) == 40, "the kernel's struct proc_event has 40 bytes");
_Static_assert(PROC_REQUEST_SIZE == sizeof(struct nlmsghdr) + sizeof(struct cn_msg) + sizeof(uint32_t),
               "a request is its headers and one word");

/* exec leaves one task. It has the process' number before the kernel sends the event, whichever thread called exec. */
static bool task_is_valid(const Event *event) {
        if (event->kind == EVENT_EXEC && event->tid != event->pid)
                return false;
        return event->pid > 0 && event->pid < PROC_PID_LIMIT && event->tid > 0 && event->tid < PROC_PID_LIMIT;
}

static uint32_t load_u32(const uint8_t *data) {
        uint32_t value;

        memcpy(&value, data, sizeof(value));
        return value;
}

/* The kernel sends the new name: 16 bytes, the last of which is a NUL. */
static void proc_event_parse_comm(const uint8_t *data, Event *event) {
        memcpy(event->comm, data + 8, sizeof(event->comm) - 1);
}

static void proc_event_parse_exit(const uint8_t *data, Event *event) {
        uint32_t exit_signal = load_u32(data + 12);

        event->exit.wait_status = load_u32(data + 8);
        /* -1: a thread, whose parent gets no signal */
        event->exit.exit_signal = exit_signal > 64 ? 0 : exit_signal;
        event->parent.pid = load_u32(data + 20);
        event->parent.known = event->parent.pid != 0;
}

/* The event's kind and what is the kind's own. */
static int proc_event_parse(const ProcEvent *p, Event *event) {
        const uint8_t *data = p->data;

        switch (p->what) {
        case PROC_EVENT_NONE:
                return PROC_MESSAGE_E_ACK;
#define LOAD_U32(member, name, at) event->member.name = load_u32(data + (at));
#define LOAD_PROCESS(member, name, at)
#define LOAD_START(member, name, at)
#define LOAD(member, name, type, at, json) LOAD_##type(member, name, at)
#define PARSE_FIELDS(name, member) EVENT_FIELDS_##member(LOAD)
#define PARSE_OWN(name, member) proc_event_parse_##name(data, event);
#define CASE(NAME, name, kernel, task_at, parse, member)                       \
        case kernel:                                                           \
                event->kind = EVENT_##NAME;                                    \
                event->tid = load_u32(data + (task_at));                       \
                event->pid = load_u32(data + (task_at) + 4);                   \
                parse(name, member);                                           \
                break;
#define CASE_FIELDS(NAME, name, kernel, task_at, member) CASE(NAME, name, kernel, task_at, PARSE_FIELDS, member)
#define CASE_OWN(NAME, name, kernel, task_at, member) CASE(NAME, name, kernel, task_at, PARSE_OWN, member)
#define CASE_NONE(NAME, name, kernel, task_at, member)
#define KIND(NAME, name, number, kernel, task_at, parse, member, ...) CASE_##parse(NAME, name, kernel, task_at, member)
                EVENT_KINDS(KIND)
#undef KIND
        default:
                return PROC_MESSAGE_E_UNKNOWN;
        }

        return task_is_valid(event) ? 0 : PROC_MESSAGE_E_NO_TASK;
}

/**
 * proc_message_parse() - read a datagram of the proc connector
 * @data:         the datagram; 4-aligned
 * @n_data:       its length
 * @ret_message:  output
 *
 * Return: 0: an event; else one of PROC_MESSAGE_E_*.
 */
int proc_message_parse(const void *data, size_t n_data, ProcMessage *ret_message) {
        const struct nlmsghdr *header = data;
        const struct cn_msg *cn;
        ProcEvent p;

        /* mnl_nlmsg_ok() of libmnl 1.0.4 takes a length above INT32_MAX for a negative one, and lets it pass. */
        if (n_data < sizeof(*header) || header->nlmsg_len > n_data ||
            header->nlmsg_len < sizeof(*header) + sizeof(*cn) + sizeof(p))
                return PROC_MESSAGE_E_MALFORMED;
        cn = mnl_nlmsg_get_payload(header);
        if (cn->id.idx != CN_IDX_PROC || cn->id.val != CN_VAL_PROC || cn->len < sizeof(p) ||
            cn->len > mnl_nlmsg_get_payload_len(header) - sizeof(*cn))
                return PROC_MESSAGE_E_MALFORMED;
        memcpy(&p, cn->data, sizeof(p));
        if (p.cpu >= PROC_CPU_LIMIT)
                return PROC_MESSAGE_E_MALFORMED;

        ret_message->seq = cn->seq;
        ret_message->ack = cn->ack;
        ret_message->monotonic_ns = p.time_ns;
        ret_message->event = (Event){ .cpu = p.cpu };
        return proc_event_parse(&p, &ret_message->event);
}

/**
 * proc_request_build() - make a request to the proc connector
 * @buffer:   output
 * @request:  the request
 * @ack:      comes back, plus one, in the acknowledgement
 *
 * Without an event mask: a filter would make false gaps in the numbers, because
 * the kernel numbers a message before it filters it, and would swallow the
 * acknowledgement too.
 *
 * Return: The request's length.
 */
size_t proc_request_build(uint8_t buffer[static PROC_REQUEST_SIZE], ProcRequest request, uint32_t ack) {
        uint32_t op = request;
        struct nlmsghdr header = { .nlmsg_len = PROC_REQUEST_SIZE, .nlmsg_type = NLMSG_DONE };
        struct cn_msg cn = {
                .id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC },
                .ack = ack,
                .len = sizeof(op),
        };

        memcpy(buffer, &header, sizeof(header));
        memcpy(buffer + sizeof(header), &cn, sizeof(cn));
        memcpy(buffer + sizeof(header) + sizeof(cn), &op, sizeof(op));
        return PROC_REQUEST_SIZE;
}
