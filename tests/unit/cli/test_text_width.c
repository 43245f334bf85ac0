/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Text as cells: cuts, widths, and characters that must not reach a terminal.
 */

#include <assert.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "clients/cli/base/text_width.h"

#define ROOM 64

static void check(const char *text, size_t columns, bool utf8, const wchar_t *should, size_t should_columns) {
        wchar_t cells[ROOM + 1];
        size_t n, used;

        n = text_width_clip(cells, ROOM, text, columns, utf8, &used);
        cells[n] = 0;
        if (wcscmp(cells, should) != 0 || used != should_columns)
                fprintf(stderr, "\"%s\" in %zu: %zu columns, should be %zu\n", text, columns, used, should_columns);
        assert(wcscmp(cells, should) == 0);
        assert(used == should_columns);
}

static void test_plain(void) {
        check("", 5, true, L"", 0);
        check("make", 5, true, L"make", 4);
        check("makes", 5, true, L"makes", 5);
        check("makes", 0, true, L"", 0);
        check("gr\xc3\xbc\xc3\x9f", 5, true, L"gr\xfc\xdf", 4);
}

static void test_cut(void) {
        check("cmakes", 5, true, L"cmak\x2026", 5);
        check("cmakes", 5, false, L"cmak~", 5);
        check("cmakes", 1, true, L"\x2026", 1);
}

/* A wide character is never cut in half. */
static void test_wide(void) {
        check("\xe6\xbc\xa2\xe5\xad\x97", 4, true, L"\x6f22\x5b57", 4);
        check("\xe6\xbc\xa2\xe5\xad\x97", 3, true, L"\x6f22\x2026", 3);
        check("\xe6\xbc\xa2\xe5\xad\x97", 2, true, L"\x2026", 1);
        check("a\xe6\xbc\xa2\xe5\xad\x97", 3, true, L"a\x2026", 2);
        check("\xe6\xbc\xa2", 4, false, L"?", 1);
        assert(text_width("\xe6\xbc\xa2!", true) == 3);
        assert(text_width("\xe6\xbc\xa2!", false) == 2);
}

/* Control characters and invalid UTF-8 are replaced. Combining characters and marks of direction are left out. */
static void test_harmless(void) {
        check("a\x1b[31mb\x7f\n", 20, true, L"a\xfffd[31mb\xfffd\xfffd", 9);
        check("a\x1b[31mb\x7f\n", 20, false, L"a?[31mb??", 9);
        check("\xc2\x9b" "2J", 20, true, L"\xfffd" L"2J", 3);
        check("\xff\xc3", 20, true, L"\xfffd\xfffd", 2);
        check("\xc0\xaf\xed\xa0\x80", 20, true, L"\xfffd\xfffd\xfffd\xfffd\xfffd", 5);
        check("e\xcc\x81\xe2\x80\xae!", 20, true, L"e!", 2);
        /* An unassigned character is replaced. */
        check("\xf4\x8f\xbf\xbf", 20, true, L"\xfffd", 1);
}

/* The text stays within the room and the columns for any input. */
static void test_bounds(void) {
        char text[24];
        wchar_t cells[8];
        size_t used;

        srand(1);
        for (int i = 0; i < 100000; ++i) {
                size_t n = (size_t)rand() % (sizeof(text) - 1), columns = (size_t)rand() % 12, n_cells;

                for (size_t k = 0; k < n; ++k)
                        text[k] = (char)(rand() % 4 ? 0xe3 - rand() % 0x63 : 1 + rand() % 255);
                text[n] = 0;
                n_cells = text_width_clip(cells, 8, text, columns, i & 1, &used);
                assert(n_cells <= 8 && used <= columns && n_cells <= used + (columns == 0));
                for (size_t k = 0; k < n_cells; ++k)
                        assert(cells[k] >= 0x20 && (cells[k] < 0x7f || cells[k] >= 0xa0));
        }
}

int main(void) {
        assert(setlocale(LC_CTYPE, "C.UTF-8"));
        test_plain();
        test_cut();
        test_wide();
        test_harmless();
        test_bounds();

        return 0;
}
