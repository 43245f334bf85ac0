/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Text in columns: widths, cuts and their marks, and characters that must not reach a
 * terminal. The locale is the default one: a verb that prints lines sets no other.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/base/text.h"
#include "clients/cli/base/text_char.h"
#include "clients/cli/base/text_width.h"

#define DOTS "\xe2\x80\xa6"
#define HAN_1 "\xe4\xb8\x96"
#define HAN_2 "\xe7\x95\x8c"
#define ACUTE "\xcc\x81"

static const struct {
        const char *text;
        size_t width;                   /* the columns of the whole text, in UTF-8 */
        size_t columns;                 /* the columns that there are */
        enum text_form form;
        const char *fitted;
        size_t used;
} rows[] = {
        { "", 0, 5, TEXT_LINE, "", 0 },
        { "make", 4, 5, TEXT_LINE, "make", 4 },
        { "makes", 5, 5, TEXT_LINE, "makes", 5 },
        { "makes", 5, 0, TEXT_LINE, "", 0 },
        { "cmakes", 6, 5, TEXT_LINE, "cmak+", 5 },
        { "cmakes", 6, 5, TEXT_SCREEN, "cmak" DOTS, 5 },
        { "cmakes", 6, 5, TEXT_SCREEN_ASCII, "cmak+", 5 },
        { "cmakes", 6, 1, TEXT_LINE, "+", 1 },
        { "gr\xc3\xbc\xc3\x9f", 4, 4, TEXT_LINE, "gr\xc3\xbc\xc3\x9f", 4 },
        { "gr\xc3\xbc\xc3\x9f", 4, 4, TEXT_SCREEN_ASCII, "gr??", 4 },
        /* wide characters are not cut in half */
        { HAN_1 HAN_2, 4, 4, TEXT_LINE, HAN_1 HAN_2, 4 },
        { HAN_1 HAN_2, 4, 3, TEXT_LINE, HAN_1 "+", 3 },
        { HAN_1 HAN_2, 4, 2, TEXT_LINE, "+", 1 },
        { HAN_1 HAN_2, 4, 3, TEXT_SCREEN, HAN_1 DOTS, 3 },
        { "a" HAN_1 HAN_2, 5, 3, TEXT_LINE, "a+", 2 },
        { HAN_1 HAN_2, 4, 2, TEXT_SCREEN_ASCII, "??", 2 },
        { "\xf0\x9f\x98\x80x", 3, 2, TEXT_LINE, "+", 1 },
        /* combining characters stay with their base */
        { "e" ACUTE "e" ACUTE "x", 3, 3, TEXT_LINE, "e" ACUTE "e" ACUTE "x", 3 },
        { "e" ACUTE "e" ACUTE "x", 3, 2, TEXT_LINE, "e" ACUTE "+", 2 },
        { "e" ACUTE, 1, 1, TEXT_LINE, "e" ACUTE, 1 },
        { "e" ACUTE "x", 2, 1, TEXT_LINE, "+", 1 },
        { "e" ACUTE, 1, 1, TEXT_SCREEN_ASCII, "e", 1 },
        { "\xe0\xa4\x95\xe0\xa5\x81", 1, 1, TEXT_LINE, "\xe0\xa4\x95\xe0\xa5\x81", 1 },
        /* without a base they would be drawn over the column before */
        { ACUTE "x", 9, 20, TEXT_LINE, "\\xcc\\x81x", 9 },
        /* bytes that are not UTF-8, and characters that control the terminal */
        { "a\xff", 5, 20, TEXT_LINE, "a\\xff", 5 },
        { "a\xff", 5, 4, TEXT_LINE, "a+", 2 },
        { "\xe4\xb8", 8, 20, TEXT_LINE, "\\xe4\\xb8", 8 },
        { "\xe4\xb8", 8, 7, TEXT_LINE, "\\xe4+", 5 },
        { "a\x1b[31mb\x7f\n", 18, 20, TEXT_LINE, "a\\x1b[31mb\\x7f\\x0a", 18 },
        { "\xc2\x9b" "2J", 10, 20, TEXT_SCREEN, "\\xc2\\x9b2J", 10 },
        { "\xff", 4, 20, TEXT_SCREEN_ASCII, "\\xff", 4 },
        /* characters that draw nothing: a joiner, a mark of direction, a byte order mark, a tag */
        { "a\xe2\x80\x8b" "b", 14, 20, TEXT_LINE, "a\\xe2\\x80\\x8bb", 14 },
        { "a\xe2\x80\xae", 13, 20, TEXT_LINE, "a\\xe2\\x80\\xae", 13 },
        { "\xef\xbb\xbf", 12, 20, TEXT_LINE, "\\xef\\xbb\\xbf", 12 },
        { "\xf3\xa0\x81\x81", 16, 20, TEXT_LINE, "\\xf3\\xa0\\x81\\x81", 16 },
        /* an unassigned character */
        { "\xf4\x8f\xbf\xbf", 16, 20, TEXT_LINE, "\\xf4\\x8f\\xbf\\xbf", 16 },
        /* an escape that is there already is not cut in half, and not escaped again */
        { "ab\\xff", 6, 5, TEXT_LINE, "ab+", 3 },
        { "ab\\xff", 6, 6, TEXT_LINE, "ab\\xff", 6 },
        { "F4 \\", 4, 4, TEXT_LINE, "F4 \\", 4 },
};

static void test_fit(void) {
        char fitted[TEXT_FIT_MAX(20)];

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
                size_t used = text_fit(fitted, sizeof(fitted), rows[i].text, rows[i].columns, rows[i].form);

                if (strcmp(fitted, rows[i].fitted) != 0 || used != rows[i].used)
                        fprintf(stderr, "row %zu: \"%s\" in %zu columns\n", i, fitted, used);
                assert(strcmp(fitted, rows[i].fitted) == 0 && used == rows[i].used);
                assert(text_width(fitted, TEXT_LINE) == used);
                if (rows[i].form != TEXT_SCREEN_ASCII)
                        assert(text_width(rows[i].text, rows[i].form) == rows[i].width);
        }
}

/* A name and its escaped form, which text_escape() writes, have the same width. */
static void test_escaped(void) {
        char escaped[TEXT_ESCAPED_MAX(64)];

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
                if (strchr(rows[i].text, '\\') || strncmp(rows[i].text, ACUTE, 2) == 0)
                        continue;
                text_escape(escaped, sizeof(escaped), rows[i].text, TEXT_FOR_TERMINAL);
                assert(text_width(escaped, TEXT_LINE) == text_width(rows[i].text, TEXT_LINE));
        }
}

static void test_skip(void) {
        assert(strcmp(text_skip("abc", 0, TEXT_SCREEN), "abc") == 0);
        assert(strcmp(text_skip("abc", 2, TEXT_SCREEN), "c") == 0);
        assert(strcmp(text_skip("abc", 9, TEXT_SCREEN), "") == 0);
        assert(strcmp(text_skip(HAN_1 HAN_2, 1, TEXT_SCREEN), HAN_2) == 0);
        assert(strcmp(text_skip(HAN_1 HAN_2, 2, TEXT_SCREEN), HAN_2) == 0);
        assert(strcmp(text_skip("e" ACUTE "x", 1, TEXT_SCREEN), "x") == 0);
}

/* Rows that are put together again are the text, and none is wider than the screen. */
static void test_row(void) {
        static const char *const texts[] = {
                "", "abc", "abcdef", "ab\xff" "c", HAN_1 HAN_2 "x" HAN_1, "e" ACUTE "e" ACUTE "e" ACUTE, "abc d\\xffe",
        };
        char row[TEXT_FIT_MAX(20)], whole[128], fitted[128];

        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); ++i)
                for (size_t columns = 4; columns <= 20; ++columns) {
                        const char *rest = texts[i];

                        whole[0] = 0;
                        while (text_row(row, sizeof(row), &rest, columns, TEXT_SCREEN) > 0) {
                                assert(text_width(row, TEXT_SCREEN) <= columns);
                                strcat(whole, row);
                        }
                        text_fit(fitted, sizeof(fitted), texts[i], 100, TEXT_SCREEN);
                        assert(strcmp(whole, fitted) == 0);
                }
}

static void test_numbers(void) {
        assert(text_is_number("4294967295") && text_is_number("0"));
        assert(!text_is_number("") && !text_is_number("12a") && !text_is_number("-1") && !text_is_number("1 2"));
}

static void test_characters(void) {
        assert(text_char_width('a') == 1 && text_char_width(0x4e16) == 2 && text_char_width(0x301) == 0);
        assert(text_char_width(0x1b) == -1 && text_char_width(0x9b) == -1 && text_char_width(0x200d) == -1);
}

/* The text stays within the room and the columns for any input, and is printable. */
static void test_bounds(void) {
        char text[24], fitted[40];

        srand(1);
        for (int i = 0; i < 100000; ++i) {
                size_t n = (size_t)rand() % (sizeof(text) - 1), columns = (size_t)rand() % 12, used;
                size_t n_fitted = 8 + (size_t)rand() % 33;
                enum text_form form = (enum text_form)(i % 3);

                for (size_t k = 0; k < n; ++k)
                        text[k] = (char)(rand() % 4 ? 0xe3 - rand() % 0x63 : 1 + rand() % 255);
                text[n] = 0;
                memset(fitted, 1, sizeof(fitted));
                used = text_fit(fitted, n_fitted, text, columns, form);
                assert(strlen(fitted) < n_fitted && used <= columns && text_width(fitted, form) == used);
                for (size_t k = 0; fitted[k]; ++k)
                        assert((unsigned char)fitted[k] >= 0x20 && fitted[k] != 0x7f);
        }
}

int main(void) {
        test_fit();
        test_escaped();
        test_skip();
        test_row();
        test_numbers();
        test_characters();
        test_bounds();

        return 0;
}
