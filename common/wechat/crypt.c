/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-CBC frames. The IV is the first half of the key, the same for every message: WeChat's
 * choice, as is the padding to 32 that OpenSSL's own check would refuse. */
#include "wechat/crypt.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "codec/base64.h"
#include "codec/crypto.h"

#include <assert.h>
#include <string.h>

enum {
    KEYS_MAX = 2,
    IV_LEN = 16,
    AES_BLOCK = 16,
    PAD_BLOCK = 32,
    RANDOM_LEN = 16,
    LENGTH_LEN = 4,
    HEAD_LEN = RANDOM_LEN + LENGTH_LEN,
    /* Far above any body the ingress takes. */
    FRAME_MAX = 8 * 1024 * 1024,
};

struct crypt_key {
    struct aes_cbc *aes;
    uint8_t iv[IV_LEN];
};

struct crypt {
    struct crypt_key keys[KEYS_MAX];
    int key_count;
    struct buf bytes; /* of the frame in hand, outside Base64; kept for the next */
};

struct crypt *crypt_new(const uint8_t (*keys)[32], int key_count)
{
    AUTO(crypt_freep) struct crypt *c = mem_zalloc(sizeof(*c));

    assert(key_count >= 1 && key_count <= KEYS_MAX);
    if (c == NULL)
        return NULL;
    c->bytes = (struct buf)BUF_INIT(FRAME_MAX);
    for (int i = 0; i < key_count; i++) {
        c->keys[i].aes = aes_cbc_new(keys[i]);
        if (c->keys[i].aes == NULL)
            return NULL;
        memcpy(c->keys[i].iv, keys[i], IV_LEN);
    }
    c->key_count = key_count;
    return TAKE(c);
}

void crypt_free(struct crypt *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < KEYS_MAX; i++)
        aes_cbc_free(c->keys[i].aes);
    buf_done_secret(&c->bytes);
    mem_free_secret(c, sizeof(*c));
}

/* The length without padding; 0 when the padding is wrong (an unpadded frame is never empty). */
static size_t unpad(const uint8_t *frame, size_t len)
{
    size_t pad = frame[len - 1];

    if (pad < 1 || pad > PAD_BLOCK || pad > len)
        return 0;
    for (size_t i = len - pad; i < len; i++)
        if (frame[i] != pad)
            return 0;
    return len - pad;
}

static size_t read_length(const uint8_t *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static bool read_frame(const uint8_t *frame, size_t len, struct str appid, struct str *message)
{
    size_t message_len;
    size_t used = unpad(frame, len);

    if (used < HEAD_LEN)
        return false;
    message_len = read_length(frame + RANDOM_LEN);
    if (message_len > used - HEAD_LEN)
        return false;
    if (!str_eq(appid, str_of(frame + HEAD_LEN + message_len, used - HEAD_LEN - message_len)))
        return false;
    *message = str_of(frame + HEAD_LEN, message_len);
    return true;
}

static enum status no_frame(struct err *err)
{
    return err_reject(err, REASON_MALFORMED, "crypt:frame", "the frame cannot be decrypted");
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status crypt_open(struct crypt *c, struct str encrypt, struct str appid, struct arena *arena,
                       struct str *message, int *key_index, struct err *err)
{
    struct str data;
    uint8_t *frame;

    buf_clear(&c->bytes);
    if (!base64_parse(encrypt, &c->bytes)) {
        if (buf_ok(&c->bytes))
            return no_frame(err);
        return err_retry(err, "memory", "no memory for a frame of %zu bytes", encrypt.len);
    }
    data = buf_str(&c->bytes);
    if (data.len == 0 || data.len % AES_BLOCK != 0)
        return no_frame(err);
    frame = arena_alloc(arena, data.len);
    if (frame == NULL)
        return err_retry(err, "memory", "no memory for a frame of %zu bytes", data.len);
    for (int i = 0; i < c->key_count; i++) {
        if (!aes_cbc_decrypt(c->keys[i].aes, c->keys[i].iv, data, frame) ||
            !read_frame(frame, data.len, appid, message))
            continue;
        *key_index = i;
        return ST_OK;
    }
    return no_frame(err);
}

/* Random bytes, length, message, appid, padding; the frame's length is known beforehand. */
static void write_frame(uint8_t *frame, size_t len, struct str message, struct str appid)
{
    size_t used = HEAD_LEN + message.len + appid.len;

    rand_bytes(frame, RANDOM_LEN);
    for (int i = 0; i < LENGTH_LEN; i++)
        frame[RANDOM_LEN + i] = (uint8_t)(message.len >> (24 - 8 * i));
    if (message.len > 0)
        memcpy(frame + HEAD_LEN, message.ptr, message.len);
    if (appid.len > 0)
        memcpy(frame + HEAD_LEN + message.len, appid.ptr, appid.len);
    memset(frame + used, (int)(len - used), len - used);
}

static struct str encrypted_text(struct crypt *c, const struct crypt_key *key, struct str frame,
                                 struct arena *arena)
{
    AUTO(buf_done) struct buf text = BUF_INIT(frame.len * 2);
    uint8_t *room;

    buf_clear(&c->bytes);
    room = (uint8_t *)buf_room(&c->bytes, frame.len);
    if (room == NULL || !aes_cbc_encrypt(key->aes, key->iv, frame, room))
        return (struct str){0};
    base64_format(room, frame.len, &text);
    return buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : (struct str){0};
}

/* NOLINTNEXTLINE(readability-function-size): the outputs and err make it more than six. */
enum status crypt_seal(struct crypt *c, int key_index, struct str message, struct str appid,
                       struct arena *arena, struct str *encrypt, struct err *err)
{
    size_t len;
    uint8_t *frame;
    struct str text;

    assert(key_index >= 0 && key_index < c->key_count);
    if (message.len > FRAME_MAX / 2 || appid.len > FRAME_MAX / 4)
        return err_reject(err, REASON_MALFORMED, "crypt:frame",
                          "a message of %zu bytes is too long", message.len);
    len = (HEAD_LEN + message.len + appid.len) / PAD_BLOCK * PAD_BLOCK + PAD_BLOCK;
    frame = arena_alloc(arena, len);
    if (frame == NULL)
        return err_retry(err, "memory", "no memory for a frame of %zu bytes", len);
    write_frame(frame, len, message, appid);
    text = encrypted_text(c, &c->keys[key_index], str_of(frame, len), arena);
    if (!str_is_set(text))
        return err_retry(err, "memory", "no memory for a frame of %zu bytes", len);
    *encrypt = text;
    return ST_OK;
}
