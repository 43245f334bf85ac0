/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The texts that a client says of itself: which are taken. */

#include <assert.h>
#include <string.h>

#include "broker/model/client_info.h"

static void check(const char *said, bool valid) {
        char text[CLIENT_INFO_TEXT] = "before";

        assert(client_info_set(text, said) == valid);
        assert(strcmp(text, valid ? said : "before") == 0);
}

static void test_valid(void) {
        check("", true);
        check("htop", true);
        check(" ~", true);
        check("Gr\xc3\xa4ph", true);
        check("\xc2\xa0", true);                         /* the first behind C1 */
        check("\xe0\xa0\x80", true);                     /* the first of three bytes */
        check("\xed\x9f\xbf\xee\x80\x80", true);         /* around the surrogates */
        check("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true); /* the first of four bytes, and the last of all */
}

static void test_control(void) {
        check("\x1b[2J", false);
        check("a\nb", false);
        check("\x1f", false);
        check("\x7f", false);
        check("\xc2\x80", false);
        check("\xc2\x9b" "2J", false);
        check("\xc2\x9f", false);
}

static void test_malformed(void) {
        check("\x80", false);
        check("\xc3", false);                           /* cut */
        check("\xe2\x82", false);
        check("\xf0\x90\x80", false);
        check("\xc3(", false);
        check("\xc0\xaf", false);                       /* longer forms than needed */
        check("\xc1\xbf", false);
        check("\xe0\x9f\xbf", false);
        check("\xf0\x8f\xbf\xbf", false);
        check("\xed\xa0\x80", false);                   /* surrogates */
        check("\xed\xbf\xbf", false);
        check("\xf4\x90\x80\x80", false);               /* beyond the last */
        check("\xf8\x88\x80\x80\x80", false);
        check("\xff", false);
}

static void test_length(void) {
        char said[CLIENT_INFO_TEXT + 1] = "", text[CLIENT_INFO_TEXT];

        memset(said, 'a', CLIENT_INFO_TEXT);
        assert(!client_info_set(text, said));
        said[CLIENT_INFO_TEXT - 1] = 0;
        check(said, true);
        /* no byte of a former text stays behind the end */
        memset(text, 'x', sizeof(text));
        assert(client_info_set(text, "ab"));
        for (size_t i = 2; i < sizeof(text); ++i)
                assert(text[i] == 0);
}

static void test_equals(void) {
        ClientInfo a = { "top", "1" }, b = { "top", "2" }, c = { "ps", "1" };

        assert(client_info_equals(&a, &a) && !client_info_equals(&a, &b) && !client_info_equals(&a, &c));
}

int main(void) {
        test_valid();
        test_control();
        test_malformed();
        test_length();
        test_equals();
        return 0;
}
