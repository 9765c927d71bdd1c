/* SPDX-License-Identifier: Apache-2.0 */
/* The digits of a verification code, and what is kept of them. Pure. */
#pragma once

#include "base/str.h"
#include "codec/crypto.h"

enum { VERIFY_CODE_SIZE = 7, VERIFY_NONCE_LEN = 16, VERIFY_NONCE_SIZE = 2 * VERIFY_NONCE_LEN + 1 };

/* Of [verify] key_file. Wiped by verify_key_done. */
struct verify_key {
    uint8_t bytes[32];
    bool is_set; /* false: verification is off */
};

/* Whose code, and which. */
struct verify_of {
    struct str appid;
    struct str openid;
    struct str purpose;
    struct str nonce; /* hex digits of chance */
};

/* Six digits; the caller's to wipe. */
void verify_code_make(const struct verify_key *key, const struct verify_of *of,
                      char out[VERIFY_CODE_SIZE]);
/* 64 hex digits, of what anybody says the code is. */
void verify_code_hash(const struct verify_key *key, const struct verify_of *of, struct str code,
                      char out[2 * SHA256_LEN + 1]);
