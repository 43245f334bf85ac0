/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Snapshots: tasks encoded one by one and framed by hand, against protobuf-c's own; and the end. */

#include "broker/base/util.h"
#include "broker/output/encode.h"
#include "tests/unit/made.h"
#include "tests/unit/pb.h"

static TaskTable table;

/* A frame around encoded tasks; it must be the one that protobuf-c would have made, to the byte. */
static PB(ServerMessage) *frame_tasks(const uint8_t *tasks, size_t n_tasks) {
        uint8_t *frame = malloc(ENCODED_PART_HEADER_MAX + n_tasks), header[ENCODED_PART_HEADER_MAX], *packed;
        uint8_t prefix[FRAME_PREFIX_MAX];
        PB(ServerMessage) *message;
        size_t n, n_packed, n_prefix;

        assert(frame);
        n = encode_part_header(n_tasks, header);
        assert(n <= sizeof(header));
        memcpy(frame, header, n);
        memcpy(frame + n, tasks, n_tasks);
        message = frame_unpack(frame, n + n_tasks);
        assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_PART);
        assert(message->snapshot_part->base.n_unknown_fields == 0);

        n_packed = taskbroker__v1__server_message__get_packed_size(message);
        packed = malloc(n_packed);
        assert(packed);
        assert(taskbroker__v1__server_message__pack(message, packed) == n_packed);
        n_prefix = frame_prefix(prefix, (uint32_t)n_packed);
        assert(n_prefix + n_packed == n + n_tasks);
        assert(memcmp(frame, prefix, n_prefix) == 0 && memcmp(frame + n_prefix, packed, n_packed) == 0);
        free(packed);
        free(frame);
        return message;
}

/* A task alone in a part; to be freed with message_free(). */
static PB(ServerMessage) *roundtrip(const Task *task, uint32_t variant, bool threads, size_t *ret_n) {
        uint8_t encoded[ENCODED_TASK_MAX];
        PB(ServerMessage) *message;
        size_t n;

        memset(encoded, 0xaa, sizeof(encoded));
        n = encode_task(task, (ProcessId){ .pid = task->process->parent_pid, .known = true },
                        (ProcessId){ .pid = task->process->session, .known = true }, variant, threads, encoded);
        assert(n > 0 && n <= sizeof(encoded));
        message = frame_tasks(encoded, n);
        assert(message->snapshot_part->n_tasks == 1);
        assert(message->snapshot_part->tasks[0]->base.n_unknown_fields == 0);
        if (ret_n)
                *ret_n = n;
        return message;
}

static void check_task(const PB(Task) *m, const Task *task, bool threads) {
        assert(m->pid == task->process->pid && m->tid == task->tid && m->ppid == task->process->parent_pid);
        assert(m->uid == task->ruid && m->euid == task->euid && m->gid == task->rgid && m->egid == task->egid);
        assert(m->session == task->process->session && m->start_time_ns == task->start_time_ns);
        assert(m->comm.len == strnlen(task->comm, COMM_SIZE));
        assert(m->comm.len == 0 || memcmp(m->comm.data, task->comm, m->comm.len) == 0);
        assert(m->kernel_thread == !!(task->flags & TASK_KERNEL));
        assert(m->credentials_changed == !!(task->flags & TASK_CREDENTIALS_CHANGED));
        assert(m->seeded == !!(task->flags & TASK_SEEDED));
        assert(m->task_unknown == !!(task->flags & TASK_UNKNOWN));
        assert(m->live_tasks == (threads ? 0 : task->process->n_live));
}

static void task_roundtrip(const Task *task, uint32_t variant, bool threads) {
        PB(ServerMessage) *message = roundtrip(task, variant, threads, NULL);

        check_task(message->snapshot_part->tasks[0], task, threads);
        assert(!!message->snapshot_part->tasks[0]->program == !!(variant & ENCODE_PROGRAM));
        message_free(message);
}

static void test_fields(void) {
        Task *task;

        task_table_init(&table);
        task = made_task(&table, 700, 702, 17, 1763870000123456789);
        (void)made_task(&table, 700, 701, 17, 5);
        task->ruid = 1000;
        task->euid = 1001;
        task->rgid = 1002;
        task->egid = 1003;
        task->process->session = 650;
        /* all bits of flags, also those that are nobody's business */
        for (unsigned int flags = 0; flags < 256; ++flags) {
                task->flags = (uint8_t)flags;
                for (uint32_t variant = 0; variant < _ENCODE_VARIANTS; ++variant) {
                        task_roundtrip(task, variant, true);
                        task_roundtrip(task, variant, false);
                }
        }
        task->flags = 0;
        /* a name that fills its room, and none */
        memset(task->comm, 'c', COMM_SIZE);
        task_roundtrip(task, 0, true);
        memset(task->comm, 0, COMM_SIZE);
        task_roundtrip(task, 0, true);
        task_table_deinit(&table);
}

/* An unknown value is encoded too, as zero. */
static void test_zeros(void) {
        PB(ServerMessage) *message;
        Task *task;

        task_table_init(&table);
        task = made_task(&table, 1, 1, 0, 0);
        memset(task->comm, 0, COMM_SIZE);
        message = roundtrip(task, ENCODE_PROGRAM, true, NULL);
        check_task(message->snapshot_part->tasks[0], task, true);
        assert(message->snapshot_part->tasks[0]->program);
        assert(message->snapshot_part->tasks[0]->program->state ==
               TASKBROKER__V1__PROGRAM_STATE__PROGRAM_STATE_UNSPECIFIED);
        assert(message->snapshot_part->tasks[0]->program->cmdline.len == 0);
        message_free(message);
        task_table_deinit(&table);
}

/* A length of one byte, and of two: every length around the change, by way of the arguments'. */
static void test_prefix(void) {
        static char text[PROGRAM_CMDLINE_MAX];
        size_t smallest = SIZE_MAX, largest = 0;
        Task *task;

        memset(text, 'x', sizeof(text));
        task_table_init(&table);
        task = made_task(&table, 700, 700, 17, 5);
        for (size_t i = 0; i <= PROGRAM_CMDLINE_MAX; i += i < 300 ? 1 : 97) {
                PB(ServerMessage) *message;
                const PB(Program) *m;
                size_t n;

                task_table_set_program(&table, task->process,
                                       made_program_sized(PROGRAM_CAPTURED, text, i, "e", 1, "/c", 2));
                message = roundtrip(task, ENCODE_PROGRAM, true, &n);
                check_task(message->snapshot_part->tasks[0], task, true);
                m = message->snapshot_part->tasks[0]->program;
                assert(m->state == TASKBROKER__V1__PROGRAM_STATE__PROGRAM_STATE_CAPTURED && !m->truncated);
                assert(m->cmdline.len == i && (i == 0 || memcmp(m->cmdline.data, text, i) == 0));
                assert(m->exe.len == 1 && *m->exe.data == 'e');
                assert(m->cgroup.len == 2 && memcmp(m->cgroup.data, "/c", 2) == 0);
                message_free(message);
                smallest = MIN(smallest, n);
                largest = MAX(largest, n);
        }
        assert(smallest < 100 && largest > 2048);
        task_table_deinit(&table);
}

static void test_largest(void) {
        static char text[PROGRAM_CMDLINE_MAX];
        PB(ServerMessage) *message;
        const PB(Program) *m;
        Program *program;
        Task *task;
        size_t n;

        memset(text, 'x', sizeof(text));
        task_table_init(&table);
        task = made_task(&table, 4194302, 4194303, UINT32_MAX, UINT64_MAX);
        task->ruid = task->euid = task->rgid = task->egid = UINT32_MAX;
        task->flags = UINT8_MAX;
        task->process->session = 4194303;
        task->process->n_live = TASK_PAGES_LIMIT;
        memset(task->comm, 0xff, COMM_SIZE);
        program = made_program_sized(PROGRAM_SKIPPED, text, PROGRAM_CMDLINE_MAX, text, PROGRAM_PATH_MAX, text,
                                     PROGRAM_PATH_MAX);
        program->truncated = true;
        task_table_set_program(&table, task->process, program);
        message = roundtrip(task, ENCODE_PROGRAM | ENCODE_LEFT, false, &n);
        assert(n <= ENCODED_TASK_MAX && n > PROGRAM_CMDLINE_MAX + 2 * PROGRAM_PATH_MAX);
        check_task(message->snapshot_part->tasks[0], task, false);
        m = message->snapshot_part->tasks[0]->program;
        assert(m->state == TASKBROKER__V1__PROGRAM_STATE__PROGRAM_STATE_SKIPPED && m->truncated);
        assert(m->cmdline.len == PROGRAM_CMDLINE_MAX && m->exe.len == PROGRAM_PATH_MAX &&
               m->cgroup.len == PROGRAM_PATH_MAX);
        message_free(message);
        task->process->n_live = 1;
        task->flags = 0; /* among the living, whose programs the table frees */
        task_table_deinit(&table);
}

/* Parts of one task to many: the frame's own lengths grow to three bytes each. */
static void test_parts(void) {
        static uint8_t tasks[300 * 1024];
        size_t n = 0;
        Task *task;

        task_table_init(&table);
        task = made_task(&table, 700, 700, 17, 5);
        for (size_t count = 1; n < sizeof(tasks) - ENCODED_TASK_MAX; ++count) {
                PB(ServerMessage) *message;

                n += encode_task(task, (ProcessId){ .pid = 17, .known = true }, (ProcessId){}, 0, true, tasks + n);
                if (count > 500 && count % 100)
                        continue;
                message = frame_tasks(tasks, n);
                assert(message->snapshot_part->n_tasks == count);
                check_task(message->snapshot_part->tasks[count - 1], task, true);
                message_free(message);
        }
        task_table_deinit(&table);
}

static void test_end(void) {
        static const uint64_t numbers[] = { 0, 1, 127, 128, 1ull << 40, UINT64_MAX };

        for (size_t i = 0; i < ARRAY_SIZE(numbers); ++i) {
                for (size_t k = 0; k < ARRAY_SIZE(numbers); ++k) {
                        for (size_t l = 0; l < ARRAY_SIZE(numbers); ++l) {
                                uint8_t frame[ENCODED_REPLY_MAX];
                                size_t n = encode_snapshot_end(numbers[i], numbers[k], numbers[l], frame);
                                PB(ServerMessage) *message = frame_unpack(frame, n);

                                assert(message->body_case == TASKBROKER__V1__SERVER_MESSAGE__BODY_SNAPSHOT_END);
                                assert(message->snapshot_end->number == numbers[i]);
                                assert(message->snapshot_end->task_count == numbers[k]);
                                assert(message->snapshot_end->time_ns == numbers[l]);
                                message_free(message);
                        }
                }
        }
}

int main(void) {
        test_fields();
        test_zeros();
        test_prefix();
        test_largest();
        test_parts();
        test_end();
        return 0;
}
