/* SPDX-License-Identifier: Apache-2.0 */
/* One rule serves the callback, encrypted messages and card signatures. */
#include "wechat/sign.h"

#include "base/hex.h"

#include <assert.h>

/* So few values that insertion beats a general sort. */
static void sort(struct str *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct str value = values[i];
        size_t at = i;

        for (; at > 0 && str_cmp(values[at - 1], value) > 0; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

void sign_values(struct hasher *sha1_hasher, const struct str *values, size_t count,
                 char out[SIGN_LEN + 1])
{
    struct str sorted[SIGN_VALUES_MAX];
    uint8_t hash[SHA1_LEN];

    assert(count <= SIGN_VALUES_MAX);
    for (size_t i = 0; i < count; i++)
        sorted[i] = values[i];
    sort(sorted, count);
    hasher_start(sha1_hasher);
    for (size_t i = 0; i < count; i++)
        hasher_add(sha1_hasher, sorted[i]);
    hasher_finish(sha1_hasher, hash);
    hex_format(hash, sizeof(hash), out);
}

bool sign_check(struct hasher *sha1_hasher, const struct str *values, size_t count,
                struct str signature)
{
    char expected[SIGN_LEN + 1];

    sign_values(sha1_hasher, values, count, expected);
    return crypto_equal(str_of(expected, SIGN_LEN), signature);
}
