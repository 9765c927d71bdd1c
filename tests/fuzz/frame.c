/* SPDX-License-Identifier: Apache-2.0 */
/* An AES frame. The first byte says what the rest is: 0 the Base64 text itself, 1 the bytes under a
 * right key (what a broken sender, or one who knows the key, could send), else a message to seal.
 */
#include "base/arena.h"
#include "codec/base64.h"
#include "codec/crypto.h"
#include "tests/fuzz/fuzz.h"
#include "wechat/crypt.h"

#include <assert.h>
#include <string.h>

enum { BLOCK = 16, ARENA_MAX = 4 << 20, INPUT_MAX = 1 << 20, TEXT_MAX = 2 << 20 };

static const uint8_t keys[2][AES256_LEN] = {"0123456789abcdef0123456789abcde",
                                            "fedcba9876543210fedcba987654321"};
static const struct str appid = STR_INIT("wxb11529c136998cb6");

static enum status open_frame(struct str text, struct arena *arena, struct str *message)
{
    AUTO(crypt_freep) struct crypt *c = crypt_new(keys, 2);
    int key_index = -1;
    struct err err;
    enum status rc;

    assert(c != NULL);
    rc = crypt_open(c, text, appid, arena, message, &key_index, &err);
    assert(rc == ST_OK ? key_index == 0 || key_index == 1 : key_index == -1);
    return rc;
}

/* Whole blocks only: the rest of the last one is cut. */
static void open_bytes(struct str frame, struct arena *arena)
{
    AUTO(aes_cbc_freep) struct aes_cbc *aes = aes_cbc_new(keys[1]);
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct str message = {0};
    uint8_t *encrypted;

    frame.len -= frame.len % BLOCK;
    encrypted = arena_alloc(arena, frame.len);
    assert(aes != NULL && encrypted != NULL);
    assert(aes_cbc_encrypt(aes, keys[1], frame, encrypted));
    base64_format(encrypted, frame.len, &text);
    if (open_frame(buf_str(&text), arena, &message) != ST_OK)
        return;
    /* Nothing is taken for a message but what stands behind the head. */
    assert(message.len + BLOCK < frame.len);
    assert(message.len == 0 || memcmp(message.ptr, frame.ptr + BLOCK + 4, message.len) == 0);
}

static void seal_and_open(struct str message, struct arena *arena)
{
    AUTO(crypt_freep) struct crypt *c = crypt_new(keys, 2);
    struct str text = {0};
    struct str back = {0};
    struct err err;

    assert(c != NULL);
    assert(crypt_seal(c, 1, message, appid, arena, &text, &err) == ST_OK);
    assert(open_frame(text, arena, &back) == ST_OK);
    assert(str_eq(back, message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
    struct str message = {0};
    struct str rest;

    if (size == 0 || size > INPUT_MAX / 2)
        return 0;
    rest = str_of(data + 1, size - 1);
    if (data[0] == 0)
        (void)open_frame(rest, &arena, &message);
    else if (data[0] == 1)
        open_bytes(rest, &arena);
    else
        seal_and_open(rest, &arena);
    return 0;
}
