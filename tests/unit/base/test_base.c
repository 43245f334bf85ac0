/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The base: lists, pools, the log, clocks and the trace of errors. */

#include <sys/wait.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/list.h"
#include "broker/base/log.h"
#include "broker/base/pool.h"
#include "broker/base/util.h"
#include "tests/unit/harness.h"

typedef struct Item Item;

struct Item {
        int value;
        List link;
};

static void check_list(List *list, const int *values, size_t n) {
        size_t i = 0;

        list_for_each(link, safe, list)
                assert(i < n && container_of(link, Item, link)->value == values[i++]);
        assert(i == n);
        assert(list_is_empty(list) == (n == 0));
        if (n > 0)
                assert(container_of(list_first(list), Item, link)->value == values[0]);
        else
                assert(!list_first(list));
        for (const List *link = list->prev; link != list; link = link->prev)
                assert(container_of(link, const Item, link)->value == values[--i]);
        assert(i == 0);
}

static void test_list(void) {
        List list = LIST_INIT(list), other;
        Item items[4];

        list_init(&other);
        for (int i = 0; i < 4; ++i) {
                items[i].value = i;
                list_init(&items[i].link);
        }
        check_list(&list, NULL, 0);

        /* what is on no list may be unlinked */
        list_unlink(&items[0].link);
        list_unlink(&items[0].link);

        for (int i = 0; i < 4; ++i)
                list_append(&list, &items[i].link);
        check_list(&list, (int[]){ 0, 1, 2, 3 }, 4);

        list_unlink(&items[2].link);
        list_unlink(&items[2].link);
        check_list(&list, (int[]){ 0, 1, 3 }, 3);
        list_append(&other, &items[2].link);
        check_list(&other, (int[]){ 2 }, 1);
        list_append(&list, &items[2].link);
        assert(items[2].link.prev == &items[3].link);
        check_list(&list, (int[]){ 0, 1, 3, 2 }, 4);
}

static void test_list_unlink_while_walking(void) {
        List list = LIST_INIT(list);
        Item items[8];

        for (int i = 0; i < 8; ++i) {
                items[i].value = i;
                list_append(&list, &items[i].link);
        }
        list_for_each(link, safe, &list) {
                Item *item = container_of(link, Item, link);

                if (item->value % 2 == 0 || item->value == 7)
                        list_unlink(link);
        }
        check_list(&list, (int[]){ 1, 3, 5 }, 3);
        list_for_each(link, safe, &list)
                list_unlink(link);
        check_list(&list, NULL, 0);
}

static void test_pool_limit_and_reuse(void) {
        enum { N = 5000 };
        static void *objects[N];
        Pool pool;

        pool_init(&pool, 40, N);
        for (size_t i = 0; i < N; ++i) {
                uint8_t *object = objects[i] = pool_alloc(&pool);

                assert(object);
                assert((uintptr_t)object % _Alignof(max_align_t) == 0);
                for (size_t k = 0; k < 40; ++k)
                        assert(object[k] == 0);
                memset(object, (int)i, 40);
                assert(pool.n_used == i + 1);
        }
        assert(!pool_alloc(&pool));
        assert(pool.n_made == N && pool.n_used == N);

        /* no two overlap: each still holds what was written into it */
        for (size_t i = 0; i < N; ++i)
                for (size_t k = 0; k < 40; ++k)
                        assert(((uint8_t *)objects[i])[k] == (uint8_t)i);

        pool_free(&pool, NULL);
        assert(pool.n_used == N);
        pool_free(&pool, objects[17]);
        pool_free(&pool, objects[4711]);
        assert(pool.n_used == N - 2);
        /* the last that came back, clean */
        assert(pool_alloc(&pool) == objects[4711]);
        for (size_t k = 0; k < 40; ++k)
                assert(((uint8_t *)objects[4711])[k] == 0);
        assert(pool_alloc(&pool) == objects[17]);
        assert(!pool_alloc(&pool));
        assert(pool.n_made == N);
        pool_deinit(&pool);
}

static void test_pool_small_and_large(void) {
        Pool pool;
        void *one;

        /* smaller than the chain's pointer */
        pool_init(&pool, 1, 3);
        for (int i = 0; i < 3; ++i)
                assert(pool_alloc(&pool));
        assert(!pool_alloc(&pool));
        pool_deinit(&pool);

        /* two slabs' worth, and a limit within the second */
        pool_init(&pool, 30000, 3);
        for (int i = 0; i < 3; ++i) {
                one = pool_alloc(&pool);
                assert(one);
                memset(one, 0xff, 30000);
        }
        assert(!pool_alloc(&pool));
        pool_deinit(&pool);

        pool_init(&pool, 16, 0);
        assert(!pool_alloc(&pool));
        pool_deinit(&pool);
}

static void test_log_level_parse(void) {
        static const struct {
                const char *text;
                bool is;
                LogLevel level;
        } rows[] = {
                { "err", true, LOG_LEVEL_ERR },       { "warning", true, LOG_LEVEL_WARNING },
                { "notice", true, LOG_LEVEL_NOTICE }, { "info", true, LOG_LEVEL_INFO },
                { "debug", true, LOG_LEVEL_DEBUG },   { "", false, 0 },
                { "error", false, 0 },                { "Info", false, 0 },
                { "info ", false, 0 },                { "6", false, 0 },
                { "inf", false, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); ++i) {
                LogLevel level = 99;

                assert(log_level_parse(rows[i].text, &level) == rows[i].is);
                assert((int)level == (rows[i].is ? (int)rows[i].level : 99));
        }
}

/* Runs @emit with stderr in a pipe. */
static size_t stderr_of(void (*emit)(void), char *text, size_t n_max, bool journal) {
        int fds[2], saved = dup(STDERR_FILENO);
        struct stat st;
        ssize_t n;

        assert(saved >= 0 && pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        assert(dup2(fds[1], STDERR_FILENO) >= 0);
        if (journal) {
                char stream[64];

                assert(fstat(STDERR_FILENO, &st) == 0);
                snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
                         (unsigned long long)st.st_ino);
                assert(setenv("JOURNAL_STREAM", stream, 1) == 0);
        }
        emit();
        assert(dup2(saved, STDERR_FILENO) >= 0);
        close(saved);
        close(fds[1]);
        n = read(fds[0], text, n_max - 1);
        assert(n >= 0);
        text[n] = 0;
        close(fds[0]);
        unsetenv("JOURNAL_STREAM");
        return (size_t)n;
}

static void emit_levels(void) {
        log_init(LOG_LEVEL_NOTICE);
        log_error("one %d", 1);
        log_notice("two");
        log_info("three");
        log_debug("four");
}

static void emit_long(void) {
        char text[3000];

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = 0;
        log_init(LOG_LEVEL_INFO);
        log_info("%s", text);
}

static void emit_errors(void) {
        int positive = 3;

        log_init(LOG_LEVEL_INFO);
        assert(error_origin(-ENOENT) == -ENOENT);
        assert(error_trace(-ENOENT) == -ENOENT);
        /* positive codes and success are nobody's error */
        assert(error_trace(0) == 0);
        assert(error_trace(positive) == positive);
        assert(error_fold(0) == 0);
        assert(error_fold(-EIO) == -EIO);
        assert(error_fold(positive) == -ENOTRECOVERABLE);
}

static void test_log(void) {
        char text[4096];
        size_t n;

        stderr_of(emit_levels, text, sizeof(text), false);
        assert(strcmp(text, "taskbrokerd: one 1\ntaskbrokerd: two\n") == 0);

        stderr_of(emit_levels, text, sizeof(text), true);
        assert(strcmp(text, "<3>one 1\n<5>two\n") == 0);

        /* one line, whole, whatever its length */
        n = stderr_of(emit_long, text, sizeof(text), false);
        assert(n > 500 && n <= 1024);
        assert(text[n - 1] == '\n' && text[n - 2] == 'x');
        assert(strchr(text, '\n') == text + n - 1);

        /* another stream than the journal's */
        assert(setenv("JOURNAL_STREAM", "1:2", 1) == 0);
        stderr_of(emit_levels, text, sizeof(text), false);
        assert(strncmp(text, "taskbrokerd: ", 13) == 0);
        log_init(LOG_LEVEL_INFO);
}

static void test_error(void) {
        char text[4096];
        size_t n_lines = 0;

        stderr_of(emit_errors, text, sizeof(text), false);
        for (const char *c = text; *c; ++c)
                n_lines += *c == '\n';
        assert(n_lines == 4);
        assert(strstr(text, "raised by emit_errors"));
        assert(strstr(text, "passed by emit_errors"));
        assert(strstr(text, strerror(ENOENT)));
        assert(strstr(text, strerror(ENOTRECOVERABLE)));
}

static void test_clock(void) {
        int64_t offset = clock_offset_ns(CLOCK_REALTIME, CLOCK_MONOTONIC);
        int64_t back = clock_offset_ns(CLOCK_MONOTONIC, CLOCK_REALTIME);
        int64_t monotonic = clock_read_ns(CLOCK_MONOTONIC), realtime = clock_read_ns(CLOCK_REALTIME);
        const int64_t second = (int64_t)NSEC_PER_SEC;

        assert(clock_offset_ns(CLOCK_MONOTONIC, CLOCK_MONOTONIC) < second / 100);
        assert(clock_offset_ns(CLOCK_MONOTONIC, CLOCK_MONOTONIC) > -second / 100);
        /* the two directions, and the clocks themselves, agree within what a busy machine may take */
        assert(offset + back < second && offset + back > -second);
        assert(realtime - monotonic - offset < second && realtime - monotonic - offset > -second);
        /* the machine has not run since 1970 */
        assert(offset > second);
        /* suspended time is in one of the two only */
        assert(clock_offset_ns(CLOCK_BOOTTIME, CLOCK_MONOTONIC) > -second / 10);
}

int main(void) {
        test_list();
        test_list_unlink_while_walking();
        test_pool_limit_and_reuse();
        test_pool_small_and_large();
        test_log_level_parse();
        test_log();
        test_error();
        test_clock();
        return 0;
}
