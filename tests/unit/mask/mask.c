/* SPDX-License-Identifier: Apache-2.0 */
/* What is hidden, how much of it is left, and what stays. */
#include "ctl/mask.h"

#include "base/attr.h"
#include "tests/unit/check.h"

enum { TEXT_MAX = 1 << 20 };

static void check_text(void (*fn)(struct buf *, struct str), const char *in, const char *expected)
{
    struct buf out = BUF_INIT(TEXT_MAX);

    fn(&out, str_from(in));
    assert_true(buf_ok(&out));
    assert_string_equal(out.ptr ? out.ptr : "", expected);
    buf_done(&out);
}

static void check_json(const char *in, const char *expected)
{
    struct buf out = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &out};
    struct json *tree = NULL;
    struct err err;

    assert_int_equal(json_parse(str_from(in), &tree, &err), ST_OK);
    mask_json(&w, tree);
    assert_true(buf_ok(&out));
    assert_string_equal(out.ptr, expected);
    json_free(tree);
    buf_done(&out);
}

static void test_names_are_known_however_they_are_spelt(void **state)
{
    static const char *const personal[] = {
        "openid",
        "OpenId",
        "unionid",
        "UnionId",
        "nickname",
        "NickName",
        "mobile",
        "phone",
        "FromUserName",
        "touser",
        "user",
        "FriendUserName",
        "next_openid",
        "Content",
        "Location_X",
        "USER_FORM_INFO_FLAG_MOBILE",
        "form",
        "custom_form",
        "common_field_list",
    };
    static const char *const plain[] = {
        "card_code", "card_id",      "membership_number",
        "to_user",   "ToUserName",   "service_phone",
        "name",      "value",        "appid",
        "scene",     "UserCardCode", "",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(personal); i++)
        if (!mask_is_personal(str_from(personal[i])))
            fail_msg("%s is shown", personal[i]);
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        if (mask_is_personal(str_from(plain[i])))
            fail_msg("%s is hidden", plain[i]);
    assert_false(mask_is_personal((struct str){0}));
}

static void test_text_keeps_both_ends_of_long_ones_only(void **state)
{
    (void)state;
    check_text(mask_text, "oGRUFjk0a1b2c3d4e5f6g7h8i9j0", "oG****j0");
    check_text(mask_text, "12345678", "12****78");
    check_text(mask_text, "1234567", "****");
    check_text(mask_text, "\xe5\xbc\xa0\xe4\xb8\x89", "****");
    check_text(mask_text,
               "\xe5\xbc\xa0\xe4\xb8\x89"
               "234567\xe5\xbc\xa0\xe4\xb8\x89",
               "\xe5\xbc\xa0\xe4\xb8\x89****\xe5\xbc\xa0\xe4\xb8\x89");
    check_text(mask_text, "\xff\xff\xff\xff\xff\xff\xff\xff\xff", "****");
    check_text(mask_text, "", "");
    check_text(mask_text, NULL, "");
}

static void test_key_of_a_person_is_masked(void **state)
{
    (void)state;
    check_text(mask_key, "wx01:oGRUFjk0a1b2c3d4e5f6g7h8i9j0", "wx01:oG****j0");
    check_text(mask_key, "oGRUFjk0a1b2c3d4e5f6g7h8i9j0", "oG****j0");
    check_text(mask_key, "wx01:short", "wx01:****");
    check_text(mask_key, "wx01:p1:018255396048", "wx01:p1:018255396048");
    check_text(mask_key, "wx01:access_token", "wx01:access_token");
    check_text(mask_key, "wx01:bind-0123456789abcdef", "wx01:bind-0123456789abcdef");
    check_text(mask_key, "order-17", "order-17");
    check_text(mask_key, "", "");
    check_text(mask_key, NULL, "");
}

static void test_json_is_masked_at_any_depth(void **state)
{
    (void)state;
    check_json(
        "{\"card_code\":\"018255396048\",\"to_user\":\"gh_7f083739789a\",\"fields\":{"
        "\"FromUserName\":\"oGRUFjk0a1b2c3d4\",\"n\":1.50,\"a\":[{\"mobile\":15521328888}]}}",
        "{\"card_code\":\"018255396048\",\"to_user\":\"gh_7f083739789a\",\"fields\":{"
        "\"FromUserName\":\"oG****d4\",\"n\":1.50,\"a\":[{\"mobile\":\"15****88\"}]}}");
    check_json("{\"form\":{\"name\":\"A B C D E F\",\"x\":[\"1\",null,true]}}",
               "{\"form\":{\"name\":\"A **** F\",\"x\":[\"****\",null,true]}}");
    check_json("{\"custom_form\":[{\"name\":\"hobby of mine\",\"value\":\"mountaineering\"}]}",
               "{\"custom_form\":[{\"name\":\"hobby of mine\",\"value\":\"mo****ng\"}]}");
    check_json("{\"openid\":[\"oGRUFjk0a1b2c3d4\"],\"touser\":null}",
               "{\"openid\":[\"oG****d4\"],\"touser\":null}");
    check_json("null", "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_known_however_they_are_spelt),
        cmocka_unit_test(test_text_keeps_both_ends_of_long_ones_only),
        cmocka_unit_test(test_key_of_a_person_is_masked),
        cmocka_unit_test(test_json_is_masked_at_any_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
