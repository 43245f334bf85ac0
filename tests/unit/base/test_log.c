/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The log: levels, one line for each call, the prefixes of the journal. The trace of errors goes to the log too. */

#include "broker/base/error.h"
#include "broker/base/log.h"
#include "broker/base/util.h"
#include "tests/unit/harness.h"

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

/* Runs @emit and returns the text that it wrote to stderr. */
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
        /* success and positive codes are not logged */
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

        /* a long text is cut and stays one line */
        n = stderr_of(emit_long, text, sizeof(text), false);
        assert(n > 500 && n <= 1024);
        assert(text[n - 1] == '\n' && text[n - 2] == 'x');
        assert(strchr(text, '\n') == text + n - 1);

        /* JOURNAL_STREAM names another stream than stderr */
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

int main(void) {
        test_log_level_parse();
        test_log();
        test_error();
        return 0;
}
