/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/code.h"

#include "base/hex.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CODES = 1000000, TEXT_MAX = 1024 };

/* Names and nonce have limits of their own (the tables' columns), far below TEXT_MAX. */
static void add(struct buf *text, struct str part)
{
    buf_add_char(text, '\x1f');
    buf_add(text, part);
}

/* Openid, purpose and what is said to be the code may hold 0x1f themselves: the nonce, which no
 * other row has, keeps them apart all the same. */
static void hash(const struct verify_key *key, const char *what, const struct verify_of *of,
                 struct str code, uint8_t out[SHA256_LEN])
{
    AUTO(buf_done_secret) struct buf text = BUF_INIT(TEXT_MAX);

    buf_add_cstr(&text, what);
    add(&text, of->nonce);
    add(&text, of->appid);
    add(&text, of->openid);
    add(&text, of->purpose);
    add(&text, code);
    assert(buf_ok(&text));
    hmac_sha256(str_of(key->bytes, sizeof(key->bytes)), buf_str(&text), out);
}

void verify_code_make(const struct verify_key *key, const struct verify_of *of,
                      char out[VERIFY_CODE_SIZE])
{
    uint8_t bytes[SHA256_LEN];
    uint64_t number = 0;

    hash(key, "code", of, STR(""), bytes);
    for (size_t i = 0; i < sizeof(number); i++)
        number = number << CHAR_BIT | bytes[i];
    (void)snprintf(out, VERIFY_CODE_SIZE, "%06" PRIu64, number % CODES);
    explicit_bzero(bytes, sizeof(bytes));
}

void verify_code_hash(const struct verify_key *key, const struct verify_of *of, struct str code,
                      char out[2 * SHA256_LEN + 1])
{
    uint8_t bytes[SHA256_LEN];

    hash(key, "hash", of, code, bytes);
    hex_format(bytes, sizeof(bytes), out);
}
