/* SPDX-License-Identifier: Apache-2.0 */
#include "model/activation_request.h"

#include "tests/unit/check.h"

static void test_activation_request_is_keyed_by_what_it_names(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct activation_request r = {.card_id = STR("p1"), .encrypt_code = STR("a+b")};
    struct str appid = STR("wx1");

    (void)state;
    assert_true(
        str_eq(activation_request_key(&arena, appid, &r), STR("wx1:300273daf0bb57c239f83585d71ced54"
                                                              "ce6b3b5fb81615abbeeb3f9cf5fae92f")));
    r.openid = STR("o1");
    assert_true(str_eq(activation_request_key(&arena, appid, &r), STR("wx1:o1")));
    r.card_code = STR("0182");
    assert_true(str_eq(activation_request_key(&arena, appid, &r), STR("wx1:p1:0182")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activation_request_is_keyed_by_what_it_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
