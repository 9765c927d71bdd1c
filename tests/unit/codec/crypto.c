/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/crypto.h"

#include "base/hex.h"
#include "base/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
    char text[2 * 64 + 1];

    hex_format(bytes, len, text);
    assert_string_equal(text, expected);
}

static void bytes_from(const char *hex, uint8_t *out)
{
    assert_true(hex_parse(str_from(hex), out, strlen(hex) / 2));
}

#define SHA1_OF_ABC   "a9993e364706816aba3e25717850c26c9cd0d89d"
#define SHA256_OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA256_OF_NIL "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_crypto_hashes_match_fips_180(void **state)
{
    uint8_t out[SHA256_LEN];

    (void)state;
    sha1(STR("abc"), out);
    assert_hex(out, SHA1_LEN, SHA1_OF_ABC);
    sha256(STR("abc"), out);
    assert_hex(out, SHA256_LEN, SHA256_OF_ABC);
    sha256(str_from(NULL), out);
    assert_hex(out, SHA256_LEN, SHA256_OF_NIL);
}

static void test_crypto_hasher_restarts_clean(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA256);
    uint8_t out[SHA256_LEN];

    (void)state;
    assert_non_null(h);
    for (int i = 0; i < 3; i++) {
        hasher_start(h);
        hasher_add(h, STR("left over"));
        hasher_start(h);
        hasher_add(h, STR("a"));
        hasher_add(h, str_from(NULL));
        hasher_add(h, STR("bc"));
        hasher_finish(h, out);
        assert_hex(out, SHA256_LEN, SHA256_OF_ABC);
    }
}

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block). */
static void test_crypto_hmac_matches_rfc_4231(void **state)
{
    uint8_t out[SHA256_LEN];
    char key[131];

    (void)state;
    memset(key, 0x0b, 20);
    hmac_sha256(str_of(key, 20), STR("Hi There"), out);
    assert_hex(out, sizeof(out),
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
    assert_hex(out, sizeof(out),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, (char)0xaa, sizeof(key));
    hmac_sha256(str_of(key, sizeof(key)),
                STR("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    assert_hex(out, sizeof(out),
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_crypto_equal_compares_whole_texts(void **state)
{
    (void)state;
    assert_true(crypto_equal(STR("same"), STR("same")));
    assert_true(crypto_equal(STR(""), str_from(NULL)));
    assert_false(crypto_equal(STR("same"), STR("sama")));
    assert_false(crypto_equal(STR("same"), STR("same ")));
    assert_false(crypto_equal(STR("same"), STR("")));
}

/* NIST SP 800-38A, F.2.5: the first two blocks. */
static const char cbc_key[] = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
static const char cbc_iv[] = "000102030405060708090a0b0c0d0e0f";
static const char cbc_plain[] = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
static const char cbc_cipher[] = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d";

static void test_crypto_cbc_matches_sp_800_38a_again_and_again(void **state)
{
    uint8_t key[AES256_LEN];
    uint8_t iv[16];
    uint8_t text[32];
    uint8_t out[32];
    AUTO(aes_cbc_freep) struct aes_cbc *aes = NULL;

    (void)state;
    bytes_from(cbc_key, key);
    bytes_from(cbc_iv, iv);
    aes = aes_cbc_new(key);
    assert_non_null(aes);
    for (int i = 0; i < 3; i++) {
        bytes_from(cbc_plain, text);
        assert_true(aes_cbc_encrypt(aes, iv, str_of(text, sizeof(text)), out));
        assert_hex(out, sizeof(out), cbc_cipher);
        assert_true(aes_cbc_decrypt(aes, iv, str_of(out, sizeof(out)), text));
        assert_hex(text, sizeof(text), cbc_plain);
    }
}

static void test_crypto_cbc_refuses_broken_blocks(void **state)
{
    uint8_t key[AES256_LEN] = {0};
    uint8_t iv[16] = {0};
    uint8_t text[48] = {0};
    uint8_t out[48];
    AUTO(aes_cbc_freep) struct aes_cbc *aes = aes_cbc_new(key);

    (void)state;
    for (size_t len = 0; len <= sizeof(text); len++) {
        assert_int_equal(aes_cbc_decrypt(aes, iv, str_of(text, len), out), len % 16 == 0);
        assert_int_equal(aes_cbc_encrypt(aes, iv, str_of(text, len), out), len % 16 == 0);
    }
}

static void test_crypto_gcm_opens_what_it_sealed(void **state)
{
    static const struct str plains[] = {STR_INIT(""), STR_INIT("t"), STR_INIT("an access token")};
    uint8_t key[AES256_LEN] = {1, 2, 3};
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(plains); i++) {
        AUTO(buf_done) struct buf sealed = BUF_INIT(256);
        AUTO(buf_done) struct buf opened = BUF_INIT(256);

        buf_add_cstr(&opened, "head ");
        assert_int_equal(gcm_seal(key, STR("wx:access_token"), plains[i], &sealed, &err), ST_OK);
        assert_int_equal(sealed.len, plains[i].len + GCM_NONCE_LEN + GCM_TAG_LEN);
        assert_int_equal(gcm_open(key, STR("wx:access_token"), buf_str(&sealed), &opened, &err),
                         ST_OK);
        assert_true(str_eq(str_skip(buf_str(&opened), 5), plains[i]));
    }
}

/* NIST's GCM test case 16 (McGrew and Viega, "The Galois/Counter Mode of Operation"). */
static void test_crypto_gcm_opens_a_published_vector(void **state)
{
    static const char sealed_hex[] =
        "cafebabefacedbaddecaf888"
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48"
        "590dbb3da7b08b1056"
        "828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b";
    uint8_t key[AES256_LEN];
    uint8_t aad[20];
    uint8_t sealed[sizeof(sealed_hex) / 2];
    AUTO(buf_done) struct buf opened = BUF_INIT(256);
    struct err err;

    (void)state;
    bytes_from("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key);
    bytes_from("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
    bytes_from(sealed_hex, sealed);
    assert_int_equal(
        gcm_open(key, str_of(aad, sizeof(aad)), str_of(sealed, sizeof(sealed)), &opened, &err),
        ST_OK);
    assert_hex((const uint8_t *)opened.ptr, 16, "d9313225f88406e5a55909c5aff5269a");
    assert_int_equal(opened.len, 60);
}

static void test_crypto_gcm_takes_a_fresh_nonce_each_time(void **state)
{
    uint8_t key[AES256_LEN] = {0};
    AUTO(buf_done) struct buf first = BUF_INIT(64);
    AUTO(buf_done) struct buf second = BUF_INIT(64);
    struct err err;

    (void)state;
    assert_int_equal(gcm_seal(key, STR(""), STR("same"), &first, &err), ST_OK);
    assert_int_equal(gcm_seal(key, STR(""), STR("same"), &second, &err), ST_OK);
    assert_memory_not_equal(first.ptr, second.ptr, GCM_NONCE_LEN);
}

static void assert_rejected(const uint8_t *key, struct str aad, struct str sealed)
{
    AUTO(buf_done) struct buf out = BUF_INIT(256);
    struct err err = {0};

    assert_int_equal(gcm_open(key, aad, sealed, &out, &err), ST_REJECT);
    assert_string_equal(err.code, "crypto:gcm");
    assert_int_equal(out.len, 0);
    assert_true(!out.ptr || out.ptr[0] == '\0');
}

static void test_crypto_gcm_rejects_whatever_was_altered(void **state)
{
    uint8_t key[AES256_LEN] = {7};
    AUTO(buf_done) struct buf sealed = BUF_INIT(256);
    struct err err;

    (void)state;
    assert_int_equal(gcm_seal(key, STR("aad"), STR("secret"), &sealed, &err), ST_OK);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 1;
        assert_rejected(key, STR("aad"), buf_str(&sealed));
        sealed.ptr[i] ^= 1;
        assert_rejected(key, STR("aad"), str_of(sealed.ptr, i));
    }
    assert_rejected(key, STR("aae"), buf_str(&sealed));
    assert_rejected(key, STR(""), buf_str(&sealed));
    key[31] ^= 1;
    assert_rejected(key, STR("aad"), buf_str(&sealed));
}

static void test_crypto_gcm_leaves_no_unjudged_text_behind(void **state)
{
    uint8_t key[AES256_LEN] = {7};
    AUTO(buf_done) struct buf sealed = BUF_INIT(256);
    AUTO(buf_done) struct buf out = BUF_INIT(256);
    static const char nothing[6] = {0};
    struct err err;

    (void)state;
    assert_int_equal(gcm_seal(key, STR(""), STR("secret"), &sealed, &err), ST_OK);
    sealed.ptr[sealed.len - 1] ^= 1;
    assert_non_null(buf_room(&out, 64));
    assert_int_equal(gcm_open(key, STR(""), buf_str(&sealed), &out, &err), ST_REJECT);
    assert_memory_equal(out.ptr, nothing, sizeof(nothing));
}

static void test_crypto_says_when_memory_or_room_is_short(void **state)
{
    uint8_t key[AES256_LEN] = {0};
    AUTO(buf_done) struct buf small = BUF_INIT(8);
    struct err err;

    (void)state;
    assert_int_equal(gcm_seal(key, STR(""), STR("x"), &small, &err), ST_RETRY);
    mem_fail_at(1, false);
    assert_null(hasher_new(HASH_SHA1));
    mem_fail_at(1, false);
    assert_null(aes_cbc_new(key));
    mem_fail_at(0, false);
    hasher_free(NULL);
    aes_cbc_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crypto_hashes_match_fips_180),
        cmocka_unit_test(test_crypto_hasher_restarts_clean),
        cmocka_unit_test(test_crypto_hmac_matches_rfc_4231),
        cmocka_unit_test(test_crypto_equal_compares_whole_texts),
        cmocka_unit_test(test_crypto_cbc_matches_sp_800_38a_again_and_again),
        cmocka_unit_test(test_crypto_cbc_refuses_broken_blocks),
        cmocka_unit_test(test_crypto_gcm_opens_what_it_sealed),
        cmocka_unit_test(test_crypto_gcm_opens_a_published_vector),
        cmocka_unit_test(test_crypto_gcm_takes_a_fresh_nonce_each_time),
        cmocka_unit_test(test_crypto_gcm_rejects_whatever_was_altered),
        cmocka_unit_test(test_crypto_gcm_leaves_no_unjudged_text_behind),
        cmocka_unit_test(test_crypto_says_when_memory_or_room_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
