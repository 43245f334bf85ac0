/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The framing: the length of a prefix, a partial frame, a malformed frame, a frame that is too large. */

#include "proto/frame.h"
#include "tests/unit/harness.h"

static void test_prefix_lengths(void) {
        static const struct {
                uint32_t n_message;
                size_t n_prefix;
                uint8_t bytes[FRAME_PREFIX_MAX];
        } rows[] = {
                { 0, 1, { 0x00 } },
                { 1, 1, { 0x01 } },
                { 127, 1, { 0x7f } },
                { 128, 2, { 0x80, 0x01 } },
                { 300, 2, { 0xac, 0x02 } },
                { 16383, 2, { 0xff, 0x7f } },
                { 16384, 3, { 0x80, 0x80, 0x01 } },
                { 65536, 3, { 0x80, 0x80, 0x04 } },
                { 1048576, 3, { 0x80, 0x80, 0x40 } },
                { 2097151, 3, { 0xff, 0xff, 0x7f } },
                { 2097152, 4, { 0x80, 0x80, 0x80, 0x01 } },
                { 268435455, 4, { 0xff, 0xff, 0xff, 0x7f } },
                { 268435456, 5, { 0x80, 0x80, 0x80, 0x80, 0x01 } },
                { UINT32_MAX, 5, { 0xff, 0xff, 0xff, 0xff, 0x0f } },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
                uint8_t prefix[FRAME_PREFIX_MAX];
                size_t n_prefix, n_message;
                int r;

                assert(frame_prefix(prefix, rows[i].n_message) == rows[i].n_prefix);
                assert(memcmp(prefix, rows[i].bytes, rows[i].n_prefix) == 0);

                r = frame_parse(prefix, rows[i].n_prefix, UINT32_MAX, &n_prefix, &n_message);
                if (rows[i].n_message == 0) {
                        assert(r == FRAME_E_MALFORMED);
                        continue;
                }
                assert(r == FRAME_E_PARTIAL);
                assert(n_prefix == rows[i].n_prefix);
                assert(n_message == rows[i].n_message);
        }
}

/* Each frame, given byte by byte, is partial until its last. */
static void test_byte_by_byte(void) {
        static const uint32_t sizes[] = { 1, 2, 126, 127, 128, 129, 16383, 16384, 65535, 65536 };

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
                uint8_t prefix[FRAME_PREFIX_MAX];
                size_t n_expected = frame_prefix(prefix, sizes[i]), n_all = n_expected + sizes[i];
                uint8_t *frame = calloc(1, n_all + 1);

                assert(frame);
                memcpy(frame, prefix, n_expected);
                for (size_t n = 0; n <= n_all + 1; ++n) {
                        size_t n_prefix = 99, n_message = 99;
                        uint8_t *data = n < 16 ? exact_copy(frame, n) : frame;
                        int r = frame_parse(data, n, FRAME_MAX_FROM_CLIENT, &n_prefix, &n_message);

                        assert(r == (n < n_all ? FRAME_E_PARTIAL : 0));
                        assert(n_prefix == (n < n_expected ? 0 : n_expected));
                        assert(n_message == (n < n_expected ? 0 : sizes[i]));
                        if (data != frame)
                                free(data);
                }
                free(frame);
        }
}

static void test_limits(void) {
        static const size_t limits[] = { 1, 127, 128, 1000, FRAME_MAX_FROM_CLIENT, FRAME_MAX_FROM_BROKER };

        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); ++i) {
                uint8_t prefix[FRAME_PREFIX_MAX];
                size_t n, n_prefix, n_message;

                n = frame_prefix(prefix, (uint32_t)limits[i]);
                assert(frame_parse(prefix, n, limits[i], &n_prefix, &n_message) == FRAME_E_PARTIAL);
                assert(n_message == limits[i]);

                n = frame_prefix(prefix, (uint32_t)limits[i] + 1);
                assert(frame_parse(prefix, n, limits[i], &n_prefix, &n_message) == FRAME_E_TOO_LARGE);
                assert(n_prefix == 0 && n_message == 0);
                /* the length is unknown until the prefix is complete */
                if (n > 1)
                        assert(frame_parse(prefix, n - 1, limits[i], &n_prefix, &n_message) == FRAME_E_PARTIAL);
        }
}

static void test_malformed(void) {
        static const struct {
                size_t n;
                uint8_t data[8];
                int r;
        } rows[] = {
                { 1, { 0x00 }, FRAME_E_MALFORMED },
                { 8, { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 }, FRAME_E_MALFORMED },
                /* 0, in more bytes than it needs */
                { 2, { 0x80, 0x00 }, FRAME_E_MALFORMED },
                { 5, { 0x80, 0x80, 0x80, 0x80, 0x00 }, FRAME_E_MALFORMED },
                /* longer than five bytes */
                { 5, { 0xff, 0xff, 0xff, 0xff, 0xff }, FRAME_E_MALFORMED },
                { 5, { 0x81, 0x80, 0x80, 0x80, 0x80 }, FRAME_E_MALFORMED },
                { 6, { 0x81, 0x80, 0x80, 0x80, 0x80, 0x00 }, FRAME_E_MALFORMED },
                /* a fifth byte that goes beyond 32 bits is a length all the same, and too large */
                { 5, { 0xff, 0xff, 0xff, 0xff, 0x7f }, FRAME_E_TOO_LARGE },
                { 5, { 0x80, 0x80, 0x80, 0x80, 0x10 }, FRAME_E_TOO_LARGE },
                /* 1, in more bytes than it needs: allowed, as protobuf allows it */
                { 3, { 0x81, 0x00, 0xaa }, 0 },
                { 4, { 0x81, 0x80, 0x00, 0xaa }, 0 },
                { 4, { 0xff, 0xff, 0xff, 0xff }, FRAME_E_PARTIAL },
                { 0, {}, FRAME_E_PARTIAL },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
                uint8_t *data = exact_copy(rows[i].data, rows[i].n);
                size_t n_prefix, n_message;

                assert(frame_parse(data, rows[i].n, FRAME_MAX_FROM_CLIENT, &n_prefix, &n_message) == rows[i].r);
                free(data);
        }
}

int main(void) {
        test_prefix_lengths();
        test_byte_by_byte();
        test_limits();
        test_malformed();
        return 0;
}
