/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/webhook.h"

#include "base/mem.h"
#include "codec/base64.h"
#include "tests/unit/check.h"

#include <string.h>

/* The vector of the reference libraries (standard-webhooks, libraries). */
#define SECRET    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define BODY      "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

enum { TIMESTAMP = 1614265330 };

static struct webhook_key key_of(const char *secret)
{
    struct webhook_key key = {0};
    struct err err = {0};

    assert_int_equal(webhook_key_parse("secret_file", str_from(secret), &key, &err), ST_OK);
    return key;
}

static void assert_signature(const struct webhook_key *keys, size_t count, const char *expected)
{
    AUTO(buf_done) struct buf out = BUF_INIT(256);

    webhook_sign(keys, count, STR(ID), TIMESTAMP, STR(BODY), &out);
    assert_true(buf_ok(&out));
    assert_string_equal(out.ptr, expected);
}

static void test_webhook_sign_matches_the_published_vector(void **state)
{
    const struct webhook_key key = key_of(SECRET);

    (void)state;
    assert_int_equal(key.len, 24);
    assert_signature(&key, 1, SIGNATURE);
}

/* The second one by Python's hmac, key "0123456789abcdef0123456789abcdef". */
static void test_webhook_sign_signs_with_each_key_while_a_secret_rotates(void **state)
{
    const struct webhook_key keys[] = {key_of("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
                                       key_of(SECRET)};

    (void)state;
    assert_signature(keys, 2, "v1,hK4CWvngkaAwjY1pABLuUbOIkEJjW9tAapq1no4ojG0= " SIGNATURE);
}

static void test_webhook_key_parse_takes_its_bounds_and_nothing_beyond(void **state)
{
    static const struct {
        size_t len;
        enum status expected;
    } rows[] = {{15, ST_FATAL}, {16, ST_OK}, {128, ST_OK}, {129, ST_FATAL}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint8_t bytes[WEBHOOK_KEY_MAX + 1] = {1, 2, 3};
        AUTO(buf_done) struct buf secret = BUF_INIT(512);
        struct webhook_key key = {0};
        struct err err = {0};

        buf_add_cstr(&secret, "whsec_");
        base64_format(bytes, rows[i].len, &secret);
        assert_int_equal(webhook_key_parse("secret_file", buf_str(&secret), &key, &err),
                         rows[i].expected);
        assert_int_equal(key.len, rows[i].expected == ST_OK ? rows[i].len : 0);
    }
}

static void test_webhook_key_parse_refuses_without_repeating_the_secret(void **state)
{
    static const char *const secrets[] = {"",
                                          "whsec_",
                                          "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
                                          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!",
                                          "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                          " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        struct webhook_key key = {0};
        struct err err = {0};

        assert_int_equal(webhook_key_parse("[crm] secret_file", str_from(secrets[i]), &key, &err),
                         ST_FATAL);
        assert_int_equal(key.len, 0);
        assert_non_null(strstr(err.text, "[crm] secret_file"));
        assert_null(strstr(err.text, "MfKQ9r8"));
    }
}

static void test_webhook_sign_shows_short_memory(void **state)
{
    const struct webhook_key key = key_of(SECRET);

    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        AUTO(buf_done) struct buf out = BUF_INIT(256);

        mem_fail_at(n, true);
        webhook_sign(&key, 1, STR(ID), TIMESTAMP, STR(BODY), &out);
        mem_fail_at(0, false);
        assert_false(buf_ok(&out));
    }
}

static void test_webhook_key_done_wipes(void **state)
{
    struct webhook_key key = key_of(SECRET);
    const struct webhook_key none = {0};

    (void)state;
    webhook_key_done(&key);
    assert_memory_equal(&key, &none, sizeof(key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webhook_sign_matches_the_published_vector),
        cmocka_unit_test(test_webhook_sign_signs_with_each_key_while_a_secret_rotates),
        cmocka_unit_test(test_webhook_key_parse_takes_its_bounds_and_nothing_beyond),
        cmocka_unit_test(test_webhook_key_parse_refuses_without_repeating_the_secret),
        cmocka_unit_test(test_webhook_sign_shows_short_memory),
        cmocka_unit_test(test_webhook_key_done_wipes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
