/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * Framing: a run of bytes is cut into the same frames wherever a read ends, and
 * none is read beyond what was received. The first byte chooses the limit.
 */

#include "tests/fuzz/fuzz.h"
#include "tests/unit/harness.h"

#include "proto/frame.h"

/* Checks that more bytes only add to the known outputs, and never change a known output. */
static void check_growth(const uint8_t *data, size_t n_data, size_t limit) {
        size_t n_prefix_known = 0, n_message_known = 0;
        int known = FRAME_E_PARTIAL;

        for (size_t n = 0; n <= n_data && n < 64; ++n) {
                uint8_t *copy = exact_copy(data, n);
                size_t n_prefix, n_message;
                int r = frame_parse(copy, n, limit, &n_prefix, &n_message);

                free(copy);
                assert(known == FRAME_E_PARTIAL || r == known);
                if (n_prefix_known > 0)
                        assert(n_prefix == n_prefix_known && n_message == n_message_known);
                if (r == 0)
                        assert(n_prefix > 0 && n_message > 0 && n_prefix + n_message <= n);
                if (n_message > 0)
                        assert(n_message <= limit && n_prefix <= FRAME_PREFIX_MAX);
                known = r;
                n_prefix_known = n_prefix;
                n_message_known = n_message;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_data) {
        FuzzInput input = { data, data + n_data };
        size_t limit = fuzz_u8(&input) & 1 ? FRAME_MAX_FROM_BROKER : FRAME_MAX_FROM_CLIENT;

        while (fuzz_has_more(&input)) {
                uint8_t prefix[FRAME_PREFIX_MAX];
                size_t n_prefix, n_message, n_taken;

                check_growth(input.at, fuzz_left(&input), limit);
                if (frame_parse(input.at, fuzz_left(&input), limit, &n_prefix, &n_message))
                        break;
                /* written again it is the same, or shorter, where it was longer than it need be */
                assert(frame_prefix(prefix, (uint32_t)n_message) <= n_prefix);
                assert(frame_parse(prefix, frame_prefix(prefix, (uint32_t)n_message), limit, &n_prefix, &n_taken) ==
                       FRAME_E_PARTIAL);
                assert(n_taken == n_message);
                (void)frame_parse(input.at, fuzz_left(&input), limit, &n_prefix, &n_message);
                (void)fuzz_take(&input, n_prefix + n_message, &n_taken);
        }
        return 0;
}
