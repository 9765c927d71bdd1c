/* SPDX-License-Identifier: Apache-2.0 */
/* WeChat's signatures: SHA-1 over values sorted bytewise and concatenated
 * (wechat-api 1.1, 1.3, 7.2). */
#pragma once

#include "base/str.h"
#include "codec/crypto.h"

#include <stdbool.h>
#include <stddef.h>

enum { SIGN_LEN = 40, SIGN_VALUES_MAX = 8 };

/* Lower-case hex of SHA-1 over the sorted values (at most SIGN_VALUES_MAX; empty ones contribute
 * nothing). */
void sign_values(struct hasher *sha1_hasher, const struct str *values, size_t count,
                 char out[SIGN_LEN + 1]);
/* Constant-time comparison with a signature from outside; false for any other length. */
bool sign_check(struct hasher *sha1_hasher, const struct str *values, size_t count,
                struct str signature);
