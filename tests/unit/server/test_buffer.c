/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* A buffer returns the bytes that were appended and costs its size; a refusal leaves the buffer unchanged. */

#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/server/buffer.h"
#include "tests/unit/harness.h"

#define OF_USER 4096u

typedef struct Payer Payer;

/* A user with a share of OF_USER bytes, and a charge of nothing yet. */
struct Payer {
        Quota quota;
        QuotaUser *user;
        Charge memory;
};

static void payer_init(Payer *payer) {
        QuotaLimits limits = quota_limits_default;

        limits.held[QUOTA_BYTES].of_user = OF_USER;
        limits.root = (uid_t)-1;
        *payer = (Payer){};
        quota_init(&payer->quota, &limits);
        payer->user = quota_user_get(&payer->quota, 1000, 1);
        assert(payer->user);
        assert(charge_take(&payer->memory, payer->user, QUOTA_BYTES, 0) == 0);
}

static void payer_deinit(Payer *payer) {
        charge_return(&payer->memory);
        assert(payer->quota.used[QUOTA_BYTES] == 0);
        quota_user_unref(payer->user);
        quota_deinit(&payer->quota);
}

static void test_refusal(void) {
        uint8_t bytes[OF_USER];
        Buffer buffer = BUFFER_NULL, other = BUFFER_NULL;
        Payer payer;

        payer_init(&payer);
        memset(bytes, 'a', sizeof(bytes));
        assert(buffer_append(&buffer, &payer.memory, bytes, 3000) == 0);
        assert(payer.memory.n == 3000);
        /* one charge can pay for two buffers, and each buffer costs its own size */
        assert(buffer_resize(&other, &payer.memory, 1000) == 0);
        assert(payer.memory.n == 4000);
        assert(buffer_append(&buffer, &payer.memory, bytes, 97) == BUFFER_E_QUOTA);
        assert(buffer_n(&buffer) == 3000 && buffer.n_max == 3000 && payer.memory.n == 4000);
        assert(buffer_resize(&other, &payer.memory, OF_USER) == BUFFER_E_QUOTA);
        assert(other.n_max == 1000 && payer.memory.n == 4000);
        assert(buffer_resize(&other, &payer.memory, 10) == 0);
        assert(payer.memory.n == 3010);
        buffer_deinit(&buffer);
        buffer_deinit(&other);
        payer_deinit(&payer);
}

/* Bytes with running numbers are put in and taken out, a few at a time. */
static void test_order(void) {
        uint64_t state = 0x6a09e667f3bcc908u;
        Buffer buffer = BUFFER_NULL;
        uint8_t in = 0, out = 0;
        Payer payer;

        payer_init(&payer);
        for (int i = 0; i < 20000; ++i) {
                uint8_t bytes[64];
                size_t n = random_below(&state, sizeof(bytes) + 1);

                if (buffer_n(&buffer) + n <= 1000) {
                        for (size_t k = 0; k < n; ++k)
                                bytes[k] = in++;
                        assert(buffer_append(&buffer, &payer.memory, bytes, n) == 0);
                }
                assert(payer.memory.n == buffer.n_max && buffer.end <= buffer.n_max);
                for (n = random_below(&state, buffer_n(&buffer) + 1); n > 0; --n)
                        assert(buffer.bytes[buffer.begin++] == out++);
                if (random_below(&state, 8) > 0)
                        continue;
                buffer_pack(&buffer);
                assert(buffer.begin == 0);
                assert(buffer_resize(&buffer, &payer.memory, MAX(buffer.end, (size_t)1)) == 0);
        }
        while (buffer_n(&buffer) > 0)
                assert(buffer.bytes[buffer.begin++] == out++);
        assert(in == out);
        buffer_deinit(&buffer);
        assert(!buffer.bytes && buffer.n_max == 0);
        payer_deinit(&payer);
}

int main(void) {
        test_refusal();
        test_order();
        return 0;
}
