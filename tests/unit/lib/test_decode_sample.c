/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Samples and live statistics: the requests that the library sends, and the messages that it makes of the answers. */

#include "tests/unit/client_frames.h"

#define PB(name) Taskbroker__V1__##name

static void fill_task(PB(TaskSample) * task, PB(TaskStats) * stats, PB(TaskStats__Cpu) * cpu, uint32_t pid,
                      uint64_t run_ns) {
        taskbroker__v1__task_sample__init(task);
        taskbroker__v1__task_stats__init(stats);
        taskbroker__v1__task_stats__cpu__init(cpu);
        cpu->cpu_run_virtual_total_ns = run_ns;
        stats->cpu = cpu;
        task->pid = task->tid = pid;
        task->stats = stats;
        task->comm = (ProtobufCBinaryData){ 4, (uint8_t *)"name" };
}

/* Adds a part of the sample @number. Its @n tasks have the numbers from @first on. */
static void add_part(Bytes *bytes, uint64_t number, uint32_t first, size_t n, bool last, bool full) {
        PB(ServerMessage) message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        PB(SamplePart) batch = TASKBROKER__V1__SAMPLE_PART__INIT;
        PB(TaskSample) tasks[4], *pointers[4];
        PB(TaskStats) stats[4];
        PB(TaskStats__Cpu) cpu[4];

        for (size_t i = 0; i < n; ++i) {
                fill_task(&tasks[i], &stats[i], &cpu[i], first + (uint32_t)i, 1000);
                pointers[i] = &tasks[i];
        }
        batch.number = number;
        batch.samples = pointers;
        batch.n_samples = n;
        batch.last = last;
        batch.full = full;
        if (last) {
                batch.begin_time_ns = 10;
                batch.end_time_ns = 20;
                batch.span_ns = 30;
                batch.forks = 4;
                batch.execs = 5;
                batch.exits = 6;
                batch.lost = 7;
        }
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_PART;
        message.sample_part = &batch;
        bytes_add_message(bytes, &message);
}

static void add_loss(Bytes *bytes, uint64_t count) {
        PB(ServerMessage) message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        PB(SampleLoss) loss = TASKBROKER__V1__SAMPLE_LOSS__INIT;

        loss.count = count;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_SAMPLE_LOSS;
        message.sample_loss = &loss;
        bytes_add_message(bytes, &message);
}

static void expect_nothing(Pair *pair) {
        const struct tb_message *message;

        assert(tb_process(pair->client) == 0);
        assert(tb_next(pair->client, &message) == 0);
}

static void expect_tasks(Pair *pair, uint32_t first, size_t n) {
        for (size_t i = 0; i < n; ++i) {
                const struct tb_message *message = pair_next(pair);

                assert(message->type == TB_MESSAGE_TASK_SAMPLE && message->request_id == 0);
                assert(message->task_sample->pid == first + i && strcmp(message->task_sample->comm, "name") == 0);
                assert(message->task_sample->stats->cpu.cpu_run_virtual_total_ns == 1000);
                assert(message->task_sample->stats->groups == TB_STATS_BIT(TB_STATS_CPU));
        }
}

static const struct tb_sample *expect_sample(Pair *pair, uint64_t number, uint64_t tasks) {
        const struct tb_message *message = pair_next(pair);

        assert(message->type == TB_MESSAGE_SAMPLE);
        assert(message->sample->number == number && message->sample->tasks == tasks);
        return message->sample;
}

/* A sample has one part or several; the last part has the summary. Samples are numbered from 1 in a subscription. */
static void test_samples(void) {
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new();
        const struct tb_sample *sample;

        add_part(&bytes, 41, 1, 3, false, false);
        add_part(&bytes, 41, 4, 2, true, true);
        add_part(&bytes, 42, 0, 0, true, false);
        pair_send(&pair, bytes.data, bytes.n);
        expect_tasks(&pair, 1, 5);
        sample = expect_sample(&pair, 1, 5);
        assert(sample->full && sample->begin_time_ns == 10 && sample->end_time_ns == 20 && sample->span_ns == 30);
        assert(sample->forks == 4 && sample->execs == 5 && sample->exits == 6 && sample->lost == 7);
        assert(sample->samples_lost == 0);
        sample = expect_sample(&pair, 2, 0);
        assert(!sample->full);
        expect_nothing(&pair);

        /*
         * A loss comes amid a sample. The tasks before the loss were passed on already, but no sample counts them. The
         * next sample reports the loss.
         */
        bytes.n = 0;
        add_part(&bytes, 43, 1, 2, false, false);
        add_loss(&bytes, 3);
        add_loss(&bytes, 2);
        add_part(&bytes, 48, 7, 1, true, true);
        pair_send(&pair, bytes.data, bytes.n);
        expect_tasks(&pair, 1, 2);
        expect_tasks(&pair, 7, 1);
        sample = expect_sample(&pair, 8, 1);
        assert(sample->samples_lost == 5);
        expect_nothing(&pair);

        free(bytes.data);
        pair_free(&pair);
}

static void test_answers(void) {
        PB(ServerMessage) message = TASKBROKER__V1__SERVER_MESSAGE__INIT;
        PB(TaskStatsReply) stats = TASKBROKER__V1__TASK_STATS_REPLY__INIT;
        PB(TaskSample) live, gone = TASKBROKER__V1__TASK_SAMPLE__INIT, *tasks[] = { &live, &gone };
        PB(TaskStats) of_live;
        PB(TaskStats__Cpu) cpu;
        const struct tb_message *got;
        Pair pair = pair_new_welcomed();
        Bytes bytes = bytes_new();

        fill_task(&live, &of_live, &cpu, 12, 1000);
        gone.tid = 13;
        gone.state = TASKBROKER__V1__SAMPLE_STATE__SAMPLE_STATE_GONE;
        stats.request_id = 77;
        stats.samples = tasks;
        stats.n_samples = 2;
        message.body_case = TASKBROKER__V1__SERVER_MESSAGE__BODY_TASK_STATS_REPLY;
        message.task_stats_reply = &stats;
        bytes_add_message(&bytes, &message);
        pair_send(&pair, bytes.data, bytes.n);

        got = pair_next(&pair);
        assert(got->type == TB_MESSAGE_TASK_SAMPLE && got->request_id == 77 && got->task_sample->pid == 12);
        got = pair_next(&pair);
        assert(got->type == TB_MESSAGE_TASK_SAMPLE && got->request_id == 77);
        assert(got->task_sample->gone && got->task_sample->tid == 13 && !got->task_sample->stats);
        got = pair_next(&pair);
        assert(got->type == TB_MESSAGE_STATS_END && got->request_id == 77);
        expect_nothing(&pair);

        free(bytes.data);
        pair_free(&pair);
}

/* Malformed samples and answers are protocol errors. */
static void test_malformed(void) {
        static const struct {
                uint32_t body;
                const char *data;
                size_t n;
        } cases[] = {
                { 10, "\x12\x00", 2 },          /* SampleBatch.number as bytes */
                { 10, "\x08\x01", 2 },          /* SampleBatch.tasks as a number */
                { 10, "\x0a\x05", 2 },          /* a task that is cut off */
                { 10, "\x0a\x02\x08\x80", 4 },  /* a malformed task */
                { 8, "\x0a\x00", 2 },           /* Stats.request_id as bytes */
                { 8, "\x10\x01", 2 },           /* Stats.tasks as a number */
                { 11, "\x08\x80", 2 },          /* a SampleLoss that is cut off */
                { 9, "\x08\x80", 2 },           /* a Sampling that is cut off */
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); ++i) {
                const struct tb_message *message;
                Pair pair = pair_new_welcomed();
                Bytes bytes = bytes_new(), body = bytes_new();

                bytes_add_field(&body, cases[i].body, cases[i].data, cases[i].n);
                bytes_add_frame(&bytes, body.data, body.n);
                pair_send(&pair, bytes.data, bytes.n);
                assert(tb_process(pair.client) == 0);
                assert(tb_next(pair.client, &message) == -EPROTO);
                assert(strstr(tb_error_text(pair.client), "malformed"));
                free(bytes.data);
                free(body.data);
                pair_free(&pair);
        }
}

static PB(ClientMessage) *sent(Pair *pair) {
        uint8_t data[8192];
        size_t n_prefix, n_message;
        PB(ClientMessage) *message;
        ssize_t n;

        assert(tb_process(pair->client) == 0);
        n = recv(pair->broker, data, sizeof(data), MSG_DONTWAIT);
        assert(n > 0 && frame_parse(data, (size_t)n, sizeof(data), &n_prefix, &n_message) == 0);
        message = taskbroker__v1__client_message__unpack(NULL, n_message, data + n_prefix);
        assert(message);
        return message;
}

static void test_requests(void) {
        const char *comms[] = { "cc1*" };
        struct tb_sampling sampling = {
                .interval_ms = 250,
                .scope = TB_SAMPLE_THREADS,
                .groups = TB_STATS_BIT(TB_STATS_IO),
                .filter = { .comms = comms, .n_comms = 1 },
        };
        uint32_t numbers[TB_STATS_MAX + 1] = { 5, 6, 7 };
        PB(ClientMessage) *message;
        Pair pair = pair_new_welcomed();
        uint64_t id;

        assert(tb_request_stats(pair.client, numbers, 2, numbers + 2, 1, &id) == 0);
        message = sent(&pair);
        assert(message->request_id == id && message->get_task_stats->n_pids == 2 &&
               message->get_task_stats->pids[1] == 6);
        assert(message->get_task_stats->n_tids == 1 && message->get_task_stats->tids[0] == 7);
        taskbroker__v1__client_message__free_unpacked(message, NULL);
        assert(tb_request_stats(pair.client, NULL, 0, NULL, 0, NULL) == -EINVAL);
        assert(tb_request_stats(pair.client, numbers, TB_STATS_MAX, numbers, 1, NULL) == -EINVAL);
        assert(tb_request_stats(pair.client, numbers, 1, numbers, SIZE_MAX, NULL) == -EINVAL);
        assert(strstr(tb_error_text(pair.client), "1 to 128"));

        assert(tb_sample(pair.client, &sampling, &id) == 0);
        message = sent(&pair);
        assert(message->request_id == id && message->subscribe_samples->interval_ms == 250);
        assert(message->subscribe_samples->scope == TASKBROKER__V1__SAMPLE_SCOPE__SAMPLE_SCOPE_THREADS);
        assert(message->subscribe_samples->groups == 1u << 5 && message->subscribe_samples->filter->n_comms == 1);
        taskbroker__v1__client_message__free_unpacked(message, NULL);

        sampling.interval_ms = 99;
        assert(tb_sample(pair.client, &sampling, NULL) == -EINVAL);
        sampling.interval_ms = 60001;
        assert(tb_sample(pair.client, &sampling, NULL) == -EINVAL);
        sampling.interval_ms = 1000;
        sampling.scope = (enum tb_sample_scope)3;
        assert(tb_sample(pair.client, &sampling, NULL) == -EINVAL);
        sampling.scope = TB_SAMPLE_PROCESSES;
        sampling.filter.nonzero = true;
        assert(tb_sample(pair.client, &sampling, NULL) == -EINVAL);
        sampling.filter.nonzero = false;
        sampling.filter.cpus = "0";
        assert(tb_sample(pair.client, &sampling, NULL) == -EINVAL);
        assert(recv(pair.broker, numbers, 1, MSG_DONTWAIT) < 0);
        pair_free(&pair);
}

int main(void) {
        test_samples();
        test_answers();
        test_malformed();
        test_requests();
        return 0;
}
