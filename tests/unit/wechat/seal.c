/* SPDX-License-Identifier: Apache-2.0 */
#include "wechat/seal.h"

#include "tests/unit/wechat/files.h"

#define RECORD_KEY STR("wx0123456789abcdef:access_token")

static const struct seal_key sample_key = {.bytes = "0123456789abcdef0123456789abcde"};

static void test_seal_comes_back(void **state)
{
    char longest[TOKEN_MAX];
    struct str tokens[2] = {STR("57_abcDEF-x_y"), {longest, TOKEN_MAX - 1}};

    (void)state;
    memset(longest, 'a', sizeof(longest));
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        AUTO(buf_done) struct buf sealed = BUF_INIT(4096);
        AUTO(buf_done) struct buf again = BUF_INIT(4096);
        struct token token;
        struct err err;
        char fingerprint[FINGERPRINT_SIZE];

        assert_int_equal(seal_token(&sample_key, RECORD_KEY, tokens[i], &sealed, &err), ST_OK);
        assert_int_equal(seal_token(&sample_key, RECORD_KEY, tokens[i], &again, &err), ST_OK);
        assert_string_not_equal(sealed.ptr, again.ptr);
        assert_int_equal(unseal_token(&sample_key, RECORD_KEY, buf_str(&sealed), &token, &err),
                         ST_OK);
        assert_true(str_eq_cstr(tokens[i], token.text));
        token_fingerprint(tokens[i], fingerprint);
        assert_string_equal(token.fingerprint, fingerprint);
    }
}

static void test_seal_refuses_what_is_no_token(void **state)
{
    AUTO(buf_done) struct buf sealed = BUF_INIT(8192);
    char longer[TOKEN_MAX];
    struct err err;

    (void)state;
    memset(longer, 'a', sizeof(longer));
    assert_int_equal(
        seal_token(&sample_key, RECORD_KEY, str_of(longer, sizeof(longer)), &sealed, &err),
        ST_REJECT);
    assert_int_equal(seal_token(&sample_key, RECORD_KEY, STR(""), &sealed, &err), ST_REJECT);
}

static void test_unseal_refuses_changes(void **state)
{
    AUTO(buf_done) struct buf sealed = BUF_INIT(4096);
    struct seal_key other = sample_key; /* 33 bytes sealed: no spare bits in the Base64 */
    struct token token = {.text = "before"};
    struct err err;

    (void)state;
    assert_int_equal(seal_token(&sample_key, RECORD_KEY, STR("57_ab"), &sealed, &err), ST_OK);
    other.bytes[31] ^= 1;
    assert_int_equal(unseal_token(&other, RECORD_KEY, buf_str(&sealed), &token, &err), ST_REJECT);
    assert_int_equal(
        unseal_token(&sample_key, STR("wx0123456789abcdef:jsapi"), buf_str(&sealed), &token, &err),
        ST_REJECT);
    assert_int_equal(
        unseal_token(&sample_key, RECORD_KEY, str_of(sealed.ptr, sealed.len - 4), &token, &err),
        ST_REJECT);
    assert_int_equal(unseal_token(&sample_key, RECORD_KEY, STR(""), &token, &err), ST_REJECT);
    assert_int_equal(unseal_token(&sample_key, RECORD_KEY, STR("%%%%"), &token, &err), ST_REJECT);
    for (size_t i = 0; i < sealed.len; i++) {
        char before = sealed.ptr[i];

        sealed.ptr[i] = before == 'A' ? 'B' : 'A';
        assert_int_equal(unseal_token(&sample_key, RECORD_KEY, buf_str(&sealed), &token, &err),
                         ST_REJECT);
        sealed.ptr[i] = before;
    }
    assert_string_equal(token.text, "before");
}

static void test_seal_key_read_names_setting_path_and_remedy(void **state)
{
    static const char *const contents[] = {
        "", "short", "MDEyMzQ1Njc4OWFiY2RlZg==", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"};
    struct settings_token settings = {0};
    struct seal_key key;
    struct err err;

    (void)state;
    assert_int_equal(seal_key_read(&settings, &key, &err), ST_FATAL);
    assert_non_null(strstr(err.text, "seal_key_file"));
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        AUTO(secret_file_done) struct secret_file file;

        secret_file_init(&file, contents[i]);
        settings.seal_key_file = file.path;
        assert_int_equal(seal_key_read(&settings, &key, &err), ST_FATAL);
        assert_non_null(strstr(err.text, "[token] seal_key_file"));
        assert_non_null(strstr(err.text, file.path));
    }
    assert_non_null(strstr(err.text, "openssl rand -base64 32"));
}

static void test_seal_key_read_takes_32_bytes(void **state)
{
    AUTO(secret_file_done) struct secret_file file;
    struct settings_token settings = {.seal_key_file = file.path};
    struct seal_key key;
    struct err err;

    (void)state;
    secret_file_init(&file, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    assert_int_equal(seal_key_read(&settings, &key, &err), ST_OK);
    assert_memory_equal(key.bytes, "0123456789abcdef0123456789abcdef", 32);
    seal_key_done(&key);
    assert_int_equal(key.bytes[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_comes_back),
        cmocka_unit_test(test_seal_refuses_what_is_no_token),
        cmocka_unit_test(test_unseal_refuses_changes),
        cmocka_unit_test(test_seal_key_read_names_setting_path_and_remedy),
        cmocka_unit_test(test_seal_key_read_takes_32_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
