/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: wechat-api 1.7. */
#include "wechat/crypt.h"

#include "base/hex.h"
#include "base/mem.h"
#include "tests/unit/wechat/sample.h"

struct vector {
    const char *key;
    const char *appid;
    const char *encrypted;
    const char *message;
};

static const struct vector vectors[] = {
    {VECTOR_KEY, VECTOR_APPID, vector_a, "我是中文abcd123"},
    {VECTOR_KEY, VECTOR_APPID, vector_b, vector_b_message},
    {"AdiqDDDvUNCeE1ZW5XJmjf9fqNBJpGBs4vL4cHKmHBS", "wx45f133bf6fce646e", vector_c,
     vector_c_message},
    {VECTOR_KEY, VECTOR_APPID, vector_e, vector_e_message},
    {VECTOR_KEY, VECTOR_APPID, vector_f, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
};

static struct crypt *open_crypt(const char *current, const char *previous)
{
    uint8_t keys[2][32];
    struct crypt *c;

    sample_key(current, keys[0]);
    if (previous != NULL)
        sample_key(previous, keys[1]);
    c = crypt_new((const uint8_t(*)[32])keys, previous != NULL ? 2 : 1);
    assert_non_null(c);
    return c;
}

static enum status open_frame(struct crypt *c, struct str encrypted, struct arena *arena,
                              struct str *message, int *key_index)
{
    struct err err = {0};
    enum status rc = crypt_open(c, encrypted, STR(VECTOR_APPID), arena, message, key_index, &err);

    if (rc == ST_REJECT) {
        assert_string_equal(err.code, "crypt:frame");
        assert_string_equal(err.text, "the frame cannot be decrypted");
    }
    return rc;
}

static void test_crypt_open_reads_the_published_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        AUTO(crypt_freep) struct crypt *c = open_crypt(vectors[i].key, NULL);
        AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
        struct str message;
        int key_index = -1;
        struct err err;

        assert_int_equal(crypt_open(c, str_from(vectors[i].encrypted), str_from(vectors[i].appid),
                                    &arena, &message, &key_index, &err),
                         ST_OK);
        assert_true(str_eq_cstr(message, vectors[i].message));
        assert_int_equal(key_index, 0);
    }
}

static void test_crypt_open_reads_the_official_sample(void **state)
{
    AUTO(crypt_freep)
    struct crypt *c = open_crypt("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", NULL);
    AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
    struct str message;
    int key_index;
    struct err err;
    size_t at;

    (void)state;
    assert_int_equal(crypt_open(c, str_from(vector_d), STR("wx5823bf96d3bd56c7"), &arena, &message,
                                &key_index, &err),
                     ST_OK);
    assert_true(str_find(message, STR("<Content><![CDATA[hello]]></Content>"), &at));
    assert_true(str_find(message, STR("4561255354251345929"), &at));
}

static void test_crypt_open_tries_the_previous_key(void **state)
{
    static const char other[] = "AdiqDDDvUNCeE1ZW5XJmjf9fqNBJpGBs4vL4cHKmHBS";
    AUTO(crypt_freep) struct crypt *rotated = open_crypt(other, VECTOR_KEY);
    AUTO(crypt_freep) struct crypt *foreign = open_crypt(other, NULL);
    AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
    struct str message = STR("before");
    int key_index = -1;

    (void)state;
    assert_int_equal(open_frame(foreign, str_from(vector_e), &arena, &message, &key_index),
                     ST_REJECT);
    assert_true(str_eq(message, STR("before")));
    assert_int_equal(key_index, -1);
    assert_int_equal(open_frame(rotated, str_from(vector_e), &arena, &message, &key_index), ST_OK);
    assert_int_equal(key_index, 1);
}

static void test_crypt_seal_comes_back_in_every_length(void **state)
{
    AUTO(crypt_freep) struct crypt *c = open_crypt(VECTOR_KEY, NULL);
    char text[97];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t len = 0; len < sizeof(text); len++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
        struct str encrypted;
        struct str again;
        struct str message;
        int key_index;
        struct err err;

        assert_int_equal(
            crypt_seal(c, 0, str_of(text, len), STR(VECTOR_APPID), &arena, &encrypted, &err),
            ST_OK);
        assert_int_equal(
            crypt_seal(c, 0, str_of(text, len), STR(VECTOR_APPID), &arena, &again, &err), ST_OK);
        assert_false(str_eq(encrypted, again));
        assert_int_equal(open_frame(c, encrypted, &arena, &message, &key_index), ST_OK);
        assert_true(str_eq(message, str_of(text, len)));
    }
}

/* A frame before encryption, for tests to break. */
struct frame {
    uint8_t bytes[256];
    size_t len;
};

static void frame_init(struct frame *f, size_t message_len, const char *appid, size_t pad)
{
    size_t appid_len = strlen(appid);

    memset(f->bytes, 'r', 16);
    memset(f->bytes + 16, 0, 3);
    f->bytes[19] = (uint8_t)message_len;
    memset(f->bytes + 20, 'm', message_len);
    memcpy(f->bytes + 20 + message_len, appid, appid_len);
    f->len = 20 + message_len + appid_len;
    memset(f->bytes + f->len, (int)pad, pad);
    f->len += pad;
}

static enum status open_bytes(const struct frame *f)
{
    AUTO(crypt_freep) struct crypt *c = open_crypt(VECTOR_KEY, NULL);
    AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
    AUTO(aes_cbc_freep) struct aes_cbc *aes = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT(1024);
    uint8_t key[32];
    uint8_t encrypted[sizeof(f->bytes)];
    struct str message;
    int key_index;

    sample_key(VECTOR_KEY, key);
    aes = aes_cbc_new(key);
    assert_true(aes_cbc_encrypt(aes, key, str_of(f->bytes, f->len), encrypted));
    base64_format(encrypted, f->len, &text);
    return open_frame(c, buf_str(&text), &arena, &message, &key_index);
}

/* 20 bytes of head, 18 of appid: a message of 10 makes 48, one of 26 makes 64. */
static void test_crypt_open_takes_every_padding_up_to_32(void **state)
{
    struct frame f;

    (void)state;
    for (size_t pad = 1; pad <= 32; pad++) {
        frame_init(&f, 64 + 26 - pad, VECTOR_APPID, pad);
        assert_int_equal(open_bytes(&f), ST_OK);
    }
}

static void test_crypt_open_refuses_wrong_padding(void **state)
{
    struct frame f;

    (void)state;
    for (int pad = 0; pad < 256; pad++) {
        if (pad == 6)
            continue;
        frame_init(&f, 20, VECTOR_APPID, 6);
        f.bytes[f.len - 1] = (uint8_t)pad;
        /* The one shorter padding whose bytes all agree. */
        if (pad == 1)
            f.bytes[f.len - 2] = 0;
        if (open_bytes(&f) != ST_REJECT)
            fail_msg("padding byte %d accepted", pad);
    }
    for (size_t i = 2; i <= 6; i++) {
        frame_init(&f, 20, VECTOR_APPID, 6);
        f.bytes[f.len - i] ^= 1;
        assert_int_equal(open_bytes(&f), ST_REJECT);
    }
    frame_init(&f, 26, VECTOR_APPID, 48);
    assert_int_equal(f.len % 16, 0);
    assert_int_equal(open_bytes(&f), ST_REJECT);
    memset(f.bytes, 32, 32);
    for (f.len = 16; f.len <= 32; f.len += 16)
        assert_int_equal(open_bytes(&f), ST_REJECT);
    memset(f.bytes, 16, 16);
    f.len = 16;
    assert_int_equal(open_bytes(&f), ST_REJECT);
}

static void test_crypt_open_refuses_wrong_lengths(void **state)
{
    static const uint8_t lengths[][4] = {
        {0, 0, 0, 19}, {0, 0, 0, 21},    {0, 0, 0, 38},           {0, 0, 0, 39},
        {0, 0, 0, 44}, {0, 0, 0, 45},    {0, 0, 1, 20},           {1, 0, 0, 20},
        {0, 0, 0, 0},  {0x80, 0, 0, 20}, {0xff, 0xff, 0xff, 236}, {0xff, 0xff, 0xff, 0xff},
        {20, 0, 0, 0},
    };
    struct frame f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        frame_init(&f, 20, VECTOR_APPID, 6);
        memcpy(f.bytes + 16, lengths[i], 4);
        if (open_bytes(&f) != ST_REJECT)
            fail_msg("length %zu accepted", i);
    }
}

static void test_crypt_open_refuses_a_foreign_appid(void **state)
{
    static const char *const appids[] = {
        "wxb11529c136998cb7", "wxb11529c136998cb", "wxb11529c136998cb6x", "Wxb11529c136998cb6", "",
    };
    struct frame f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(appids); i++) {
        size_t used = 20 + 8 + strlen(appids[i]);

        frame_init(&f, 8, appids[i], 64 - used < 33 ? 64 - used : 32 - used % 32);
        assert_int_equal(f.len % 16, 0);
        assert_int_equal(open_bytes(&f), ST_REJECT);
    }
}

static void test_crypt_open_refuses_broken_base64(void **state)
{
    static const char *const texts[] = {
        "",
        "=",
        "====",
        "QUJD",
        "QUJDREVGR0hJSktMTU5PUA",
        "QUJDREVGR0hJSktMTU5P\nUA==",
        "QUJDREVGR0hJSktMTU5PUA= =",
        "QUJDREVGR0hJSktMTU5P-A==",
        "QUJDREVGR0hJSktMTU5PUA==QUJD",
        "我是中文",
    };
    AUTO(crypt_freep) struct crypt *c = open_crypt(VECTOR_KEY, NULL);
    AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
    struct str message;
    int key_index;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (open_frame(c, str_from(texts[i]), &arena, &message, &key_index) != ST_REJECT)
            fail_msg("accepted: %s", texts[i]);
    for (size_t len = 0; len < sizeof(vector_e) - 1; len++)
        if (open_frame(c, str_of(vector_e, len), &arena, &message, &key_index) != ST_REJECT)
            fail_msg("accepted %zu characters", len);
}

static void test_crypt_survives_short_memory(void **state)
{
    AUTO(crypt_freep) struct crypt *c = open_crypt(VECTOR_KEY, NULL);
    AUTO(arena_done) struct arena small = ARENA_INIT(16);
    enum status rc = ST_RETRY;
    struct str message;
    int key_index;

    (void)state;
    assert_int_equal(open_frame(c, str_from(vector_e), &small, &message, &key_index), ST_RETRY);
    for (size_t nth = 1; rc != ST_OK; nth++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
        AUTO(crypt_freep) struct crypt *fresh = NULL;
        uint8_t keys[1][32];

        assert_true(nth < 50);
        sample_key(VECTOR_KEY, keys[0]);
        mem_fail_at(nth, false);
        fresh = crypt_new((const uint8_t(*)[32])keys, 1);
        if (fresh != NULL)
            rc = open_frame(fresh, str_from(vector_e), &arena, &message, &key_index);
        mem_fail_at(0, false);
        assert_true(rc == ST_OK || rc == ST_RETRY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crypt_open_reads_the_published_frames),
        cmocka_unit_test(test_crypt_open_reads_the_official_sample),
        cmocka_unit_test(test_crypt_open_tries_the_previous_key),
        cmocka_unit_test(test_crypt_seal_comes_back_in_every_length),
        cmocka_unit_test(test_crypt_open_takes_every_padding_up_to_32),
        cmocka_unit_test(test_crypt_open_refuses_wrong_padding),
        cmocka_unit_test(test_crypt_open_refuses_wrong_lengths),
        cmocka_unit_test(test_crypt_open_refuses_a_foreign_appid),
        cmocka_unit_test(test_crypt_open_refuses_broken_base64),
        cmocka_unit_test(test_crypt_survives_short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
