/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The fields of protobuf, from any bytes. */

#include <assert.h>
#include <errno.h>

#include "clients/lib/wire.h"

static void check_wire(const char *bytes, size_t n, int r, unsigned int number, uint64_t value) {
        WireCursor cursor = { (const uint8_t *)bytes, (const uint8_t *)bytes + n };
        WireField field = { 0 };

        assert(wire_next(&cursor, &field) == r);
        if (r <= 0)
                return;
        assert(field.number == number);
        assert(field.type == WIRE_BYTES ? field.n_data == value : field.value == value);
        assert(cursor.at == cursor.end);
}

static void test_wire(void) {
        check_wire("", 0, 0, 0, 0);
        check_wire("\x08\x96\x01", 3, 1, 1, 150);
        check_wire("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 1, 1, UINT64_MAX);
        check_wire("\x09\1\0\0\0\0\0\0\x80", 9, 1, 1, UINT64_C(0x8000000000000001));
        check_wire("\x15\1\0\0\x80", 5, 1, 2, 0x80000001);
        check_wire("\x1a\x02xy", 4, 1, 3, 2);
        check_wire("\x1a\x00", 2, 1, 3, 0);
        check_wire("\xfa\xff\xff\xff\x0f\x00", 6, 1, 536870911, 0);

        /* Cut short, at each kind's last byte; a length that reaches beyond the end, or around. */
        check_wire("\x08", 1, -EPROTO, 0, 0);
        check_wire("\x08\x96", 2, -EPROTO, 0, 0);
        check_wire("\x09\1\0\0\0\0\0\0", 8, -EPROTO, 0, 0);
        check_wire("\x15\1\0\0", 4, -EPROTO, 0, 0);
        check_wire("\x1a\x02x", 3, -EPROTO, 0, 0);
        check_wire("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, -EPROTO, 0, 0);

        /* A number of more than ten bytes; field 0; a number of a field beyond 29 bits; groups. */
        check_wire("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, -EPROTO, 0, 0);
        check_wire("\x02\x00", 2, -EPROTO, 0, 0);
        check_wire("\xfa\xff\xff\xff\x1f\x00", 6, -EPROTO, 0, 0);
        check_wire("\x0b\x0c", 2, -EPROTO, 0, 0);
        check_wire("\x0f", 1, -EPROTO, 0, 0);
}

int main(void) {
        test_wire();
        return 0;
}
