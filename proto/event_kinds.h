/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one table of event kinds.
 *
 * Everything that knows a kind by name is made from these lists: the parser of the proc
 * connector's messages (broker/kernel), the structs of Event and what a kind means to
 * the others (broker/model), the encoder (broker/output), the library's decoder and
 * names (clients/lib), JSON, the kinds that an option takes, and their help
 * (clients/cli). A test holds event.proto and the public header against it.
 *
 * To add a kind: one row of EVENT_KINDS, a message and two entries in event.proto, and
 * in the public header the kind's number and its bit of TB_KINDS_ALL. A kind with fields
 * has a list EVENT_FIELDS_... too, a row of EVENT_STRUCTS, and the struct in the public
 * header. A kind whose parts are not plain fields (its form is OWN) adds its struct in
 * broker/model/event.h and one function each to encode_event.c, decode_event.c and
 * json_event.c.
 */

/* Properties of a kind, for code that does not read its fields. */
enum {
        EVENT_OF_PROCESS = 1u << 0,     /* it concerns the whole process, whichever thread caused it */
        EVENT_CHANGES_TASK = 1u << 1,   /* name, ids or owner of a live task can differ behind it */
        EVENT_CHANGES_SET = 1u << 2,    /* a task can enter or leave a filter's set by it */
        EVENT_SHOWS_STATUS = 1u << 3,   /* it shows how a task ends: not public where exit statuses are not */
        EVENT_BY_DEFAULT = 1u << 4,     /* a subscription that names no kinds has it */
};

/*
 * K(NAME, name, number, kernel, task_at, parse, member, wire, WIRE, message, form, flags)
 *   NAME     EVENT_NAME in the broker, TB_KIND_NAME in the library
 *   name     how options and JSON spell it
 *   number   on the wire: of the kind, and of its member of Event.kind; ascending
 *   kernel   the kernel's number of it, in linux/cn_proc.h; 0: not a kernel event
 *   task_at  where the task's tid and, behind it, pid stand in the kernel's event data
 *   parse    FIELDS: the fields stand in the kernel's event data where their rows say;
 *            OWN: proc_event_parse_name() reads them; NONE: not a kernel event
 *   member   the struct of its fields in Event and tb_event; none: it has no fields
 *   wire     the member of the wire's Event.kind, whose field has the kind's number. In capital
 *            letters behind EVENT_KIND_ it is the kind in event.proto
 *   message  the message of that member, as protobuf-c spells it in names of functions
 *   form     FIELDS: the message has the fields of the rows below; OWN: functions of its
 *            own encode, decode and print it
 *   flags    EVENT_* bits
 */
#define EVENT_KINDS(K)                                                                                                 \
        K(FORK, fork, 1, PROC_EVENT_FORK, 8, FIELDS, fork, fork, FORK, fork, FIELDS, EVENT_BY_DEFAULT)                 \
        K(EXEC, exec, 2, PROC_EVENT_EXEC, 0, FIELDS, none, exec, EXEC, exec, OWN,                                      \
          EVENT_BY_DEFAULT | EVENT_OF_PROCESS | EVENT_CHANGES_TASK | EVENT_CHANGES_SET)                                \
        K(EXIT, exit, 3, PROC_EVENT_EXIT, 0, OWN, none, exit, EXIT, exit, OWN, EVENT_BY_DEFAULT)                       \
        K(COMM, comm, 4, PROC_EVENT_COMM, 0, OWN, comm_change, comm_change, COMM_CHANGE, comm_change, FIELDS,          \
          EVENT_CHANGES_TASK | EVENT_CHANGES_SET)                                                                      \
        K(UID, uid, 5, PROC_EVENT_UID, 0, FIELDS, credentials, uid_change, UID_CHANGE, id_change, FIELDS,              \
          EVENT_CHANGES_TASK | EVENT_CHANGES_SET)                                                                      \
        K(GID, gid, 6, PROC_EVENT_GID, 0, FIELDS, credentials, gid_change, GID_CHANGE, id_change, FIELDS,              \
          EVENT_CHANGES_TASK)                                                                                          \
        K(SID, sid, 7, PROC_EVENT_SID, 0, FIELDS, none, new_session, NEW_SESSION, new_session, FIELDS,                 \
          EVENT_OF_PROCESS)                                                                                            \
        K(PTRACE, ptrace, 8, PROC_EVENT_PTRACE, 0, FIELDS, ptrace, ptrace, PTRACE, ptrace, FIELDS, 0)                  \
        K(COREDUMP, coredump, 9, PROC_EVENT_COREDUMP, 0, FIELDS, none, coredump, COREDUMP, coredump, FIELDS,           \
          EVENT_OF_PROCESS | EVENT_SHOWS_STATUS)                                                                       \
        K(LOSS, loss, 10, 0, 0, NONE, none, loss, LOSS, loss, OWN, EVENT_BY_DEFAULT | EVENT_OF_PROCESS)

/* Numbers of kinds are below EVENT_KINDS_N. */
enum {
#define NUMBER(NAME, name, number, ...) EVENT_NUMBER_##NAME = (number),
        EVENT_KINDS(NUMBER)
#undef NUMBER
        EVENT_KINDS_N,
};

/*
 * S(member): the structs of plain fields; two kinds can share one.
 */
#define EVENT_STRUCTS(S)                                                      \
        S(fork)                                                               \
        S(comm_change)                                                        \
        S(credentials)                                                        \
        S(ptrace)

/*
 * F(member, name, type, at, json)
 *   name  the wire's, JSON's and the structs' name of it
 *   type  U32: uint32; COMM: a task's name, bytes; PROCESS: a ProcessId; START: a start by
 *         the boot clock, 0 if it is not known
 *   at    where it stands in the kernel's event data, of kinds whose parse is FIELDS; the
 *         join fills in PROCESS and START
 *   json  SHOWN, or HIDDEN where another key of the event has the same value
 */
#define EVENT_FIELDS_fork(F)                                                  \
        F(fork, parent_tid, U32, 0, SHOWN)                                    \
        F(fork, parent_pid, U32, 4, HIDDEN)                                   \
        F(fork, parent_tid_start_boot_ns, START, 0, SHOWN)

/* The kernel sends the new name, which Event.comm holds; the join knows the old name. */
#define EVENT_FIELDS_comm_change(F)                                           \
        F(comm_change, old_comm, COMM, 0, SHOWN)

#define EVENT_FIELDS_credentials(F)                                           \
        F(credentials, real_id, U32, 8, SHOWN)                                \
        F(credentials, effective_id, U32, 12, SHOWN)

#define EVENT_FIELDS_ptrace(F)                                                \
        F(ptrace, tracer_pid, U32, 12, SHOWN)                                 \
        F(ptrace, tracer_tid, U32, 8, SHOWN)                                  \
        F(ptrace, tracer, PROCESS, 0, SHOWN)                                  \
        F(ptrace, tracer_start_boot_ns, START, 0, SHOWN)

#define EVENT_FIELDS_none(F)
