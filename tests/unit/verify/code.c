/* SPDX-License-Identifier: Apache-2.0 */
/* The digits of a verification code: the same for the same, and evenly spread. */
#include "verify/code.h"

#include "base/rand.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 20000, DIGITS = 6, HASH_SIZE = 2 * SHA256_LEN + 1 };

static const struct verify_key KEY = {.bytes = "01234567890123456789012345678901", .is_set = true};

static const struct verify_of OF = {
    STR_INIT("wx1"),
    STR_INIT("o1"),
    STR_INIT("login"),
    STR_INIT("00112233445566778899aabbccddeeff"),
};

static void make(struct verify_of of, char out[VERIFY_CODE_SIZE])
{
    verify_code_make(&KEY, &of, out);
}

static void test_verify_code_is_six_digits_that_stay(void **state)
{
    char first[VERIFY_CODE_SIZE];
    char again[VERIFY_CODE_SIZE];

    (void)state;
    make(OF, first);
    make(OF, again);
    assert_string_equal(first, again);
    assert_int_equal(strspn(first, "0123456789"), DIGITS);
    assert_int_equal(strlen(first), DIGITS);
}

/* By an implementation of its own (Python's hmac). */
static void test_verify_code_is_what_the_page_says(void **state)
{
    char code[VERIFY_CODE_SIZE];
    char hash[HASH_SIZE];

    (void)state;
    make(OF, code);
    assert_string_equal(code, "459310");
    verify_code_hash(&KEY, &OF, str_from(code), hash);
    assert_string_equal(hash, "5f96bc64204cd9ab664b1076236281d1"
                              "1043fdfc1ea5211ebda44e1661046920");
}

/* Whoever changes one of these asks for another code, and its hash is another one. */
static void test_verify_code_is_bound_to_all_of_it(void **state)
{
    struct verify_of others[] = {OF, OF, OF, OF, OF};
    struct verify_key key = KEY;
    char hash[HASH_SIZE];
    char other[HASH_SIZE];

    (void)state;
    others[0].appid = STR("wx2");
    others[1].openid = STR("o2");
    others[2].purpose = STR("pay");
    others[3].nonce = STR("00112233445566778899aabbccddeef0");
    others[4].openid = STR("o1l");
    others[4].purpose = STR("ogin");
    verify_code_hash(&KEY, &OF, STR("123456"), hash);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        verify_code_hash(&KEY, &others[i], STR("123456"), other);
        assert_string_not_equal(hash, other);
    }
    verify_code_hash(&KEY, &OF, STR("123457"), other);
    assert_string_not_equal(hash, other);
    key.bytes[31] ^= 1;
    verify_code_hash(&key, &OF, STR("123456"), other);
    assert_string_not_equal(hash, other);
}

static void test_verify_codes_are_spread_evenly(void **state)
{
    size_t counts[DIGITS][10] = {0};
    struct verify_of of = OF;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        char nonce[VERIFY_NONCE_SIZE];
        char code[VERIFY_CODE_SIZE];

        (void)snprintf(nonce, sizeof(nonce), "%032zx", i);
        of.nonce = str_from(nonce);
        make(of, code);
        for (size_t place = 0; place < DIGITS; place++)
            counts[place][code[place] - '0']++;
    }
    for (size_t place = 0; place < DIGITS; place++)
        for (size_t digit = 0; digit < 10; digit++) /* nonces are fixed: no test of chance */
            assert_in_range(counts[place][digit], MANY / 10 - 250, MANY / 10 + 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_code_is_six_digits_that_stay),
        cmocka_unit_test(test_verify_code_is_what_the_page_says),
        cmocka_unit_test(test_verify_code_is_bound_to_all_of_it),
        cmocka_unit_test(test_verify_codes_are_spread_evenly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
