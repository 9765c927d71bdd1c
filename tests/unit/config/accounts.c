/* SPDX-License-Identifier: Apache-2.0 */
#include "config/accounts.h"

#include "base/hex.h"
#include "tests/unit/check.h"
#include "tests/unit/config/file.h"

#define ALPHABET "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

struct fixture {
    struct file token;
    struct file key;
    struct file previous;
};

static enum status read_with(const char *token, const char *key, const char *previous,
                             struct account_secrets *out, struct err *err)
{
    struct fixture f = {file_new(token), file_new(key), file_new(previous)};
    char name[] = "demo";
    const struct account account = {
        .name = name,
        .callback_token_file = f.token.path,
        .aes_key_file = key[0] != '\0' ? f.key.path : NULL,
        .aes_key_previous_file = previous[0] != '\0' ? f.previous.path : NULL,
    };
    const enum status rc = account_secrets_read(&account, out, err);

    file_done(&f.token);
    file_done(&f.key);
    file_done(&f.previous);
    return rc;
}

static void test_accounts_reads_token_and_keys(void **state)
{
    struct account_secrets secrets = {0};
    struct err err = {0};
    char hex[2 * AES_KEY_LEN + 1];

    (void)state;
    assert_int_equal(read_with("Kabao2024\n", ALPHABET "\n",
                               "////////////////////////////////////////++8", &secrets, &err),
                     ST_OK);
    assert_string_equal(secrets.callback_token, "Kabao2024");
    assert_int_equal(secrets.aes_key_count, 2);
    /* By Python's base64 module, of the text with "=". */
    hex_format(secrets.aes_keys[0], AES_KEY_LEN, hex);
    assert_string_equal(hex, "69b71d79f8218a39259a7a29aabb2dbafc31cb3d35db7e39ebbf3d0010831051");
    hex_format(secrets.aes_keys[1], AES_KEY_LEN, hex);
    assert_string_equal(hex, "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffbef");
    account_secrets_done(&secrets);
    assert_int_equal(secrets.aes_key_count, 0);
    assert_string_equal(secrets.callback_token, "");
}

static void test_accounts_plain_mode_needs_no_key(void **state)
{
    struct account_secrets secrets = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(read_with("abc", "", "", &secrets, &err), ST_OK);
    assert_int_equal(secrets.aes_key_count, 0);
}

static void test_accounts_spare_bits_do_not_matter(void **state)
{
    static const char last[] = {'A', 'B', 'C', 'D'};
    struct account_secrets first = {0};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(last); i++) {
        struct account_secrets secrets = {0};
        char key[] = ALPHABET;

        key[42] = last[i];
        assert_int_equal(read_with("abc", key, "", &secrets, &err), ST_OK);
        if (i == 0)
            first = secrets;
        assert_memory_equal(secrets.aes_keys[0], first.aes_keys[0], AES_KEY_LEN);
    }
}

static void assert_bad(const char *token, const char *key, const char *previous, const char *why)
{
    struct account_secrets secrets = {.aes_key_count = 42};
    struct err err = {0};

    assert_int_equal(read_with(token, key, previous, &secrets, &err), ST_FATAL);
    assert_int_equal(secrets.aes_key_count, 42);
    assert_non_null(strstr(err.text, "[account demo]"));
    assert_non_null(strstr(err.text, why));
}

static void test_accounts_refuse_bad_secrets(void **state)
{
    (void)state;
    assert_bad("", "", "", "callback_token_file");
    assert_bad("ab", "", "", "3 to 32");
    assert_bad("abcdefghijklmnopqrstuvwxyz0123456", "", "", "3 to 32");
    assert_bad("abc def", "", "", "3 to 32");
    assert_bad("abc\n\n", "", "", "3 to 32");
    assert_bad("abc", ALPHABET "=", "", "43 characters");
    assert_bad("abc", "short", "", "43 characters");
    assert_bad("abc", "abcdefghijklmnopqrstuvwxyz0123456789ABCDE-_", "", "aes_key_file");
    assert_bad("abc", ALPHABET, "abcdefghijklmnopqrstuvwxyz0123456789 ABCDEF", "aes_key_previous");
}

static void test_accounts_tell_a_setting_that_is_missing(void **state)
{
    char name[] = "demo";
    const struct account account = {.name = name};
    struct account_secrets secrets;
    struct err err = {0};

    (void)state;
    assert_int_equal(account_secrets_read(&account, &secrets, &err), ST_FATAL);
    assert_non_null(strstr(err.text, "[account demo] callback_token_file is not set"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts_reads_token_and_keys),
        cmocka_unit_test(test_accounts_plain_mode_needs_no_key),
        cmocka_unit_test(test_accounts_spare_bits_do_not_matter),
        cmocka_unit_test(test_accounts_refuse_bad_secrets),
        cmocka_unit_test(test_accounts_tell_a_setting_that_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
