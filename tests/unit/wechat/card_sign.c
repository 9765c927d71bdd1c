/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: wechat-api 7.1, 7.2 and 7.3. */
#include "wechat/card_sign.h"

#include "tests/unit/check.h"

#define PAGE_TICKET \
    "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"

static void test_card_sign_add_gives_the_published_signatures(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);

    static const struct {
        struct card_sign_add add;
        const char *signature;
    } vectors[] = {
        {{.api_ticket = STR_INIT("aaaa"),
          .timestamp = STR_INIT("bbbb"),
          .nonce_str = STR_INIT("cccc"),
          .card_id = STR_INIT("dddd"),
          .code = STR_INIT("eeee"),
          .openid = STR_INIT("ffff")},
         "89a0e60888a9471f75dc5eb0ee86431ddbec1fd9"},
        {{.api_ticket = STR_INIT("TICKET_abc-123"),
          .timestamp = STR_INIT("1404896688"),
          .card_id = STR_INIT("pjZ8Yt1XGILfi-FUsewpnnolGgZk")},
         "66b932c1a656feda66a529e8f33dfb209c5b5a69"},
        {{.api_ticket = STR_INIT("TICKET_abc-123"),
          .timestamp = STR_INIT("1404896688"),
          .card_id = STR_INIT("pjZ8Yt1XGILfi-FUsewpnnolGgZk"),
          .nonce_str = STR_INIT("jonyqin"),
          .code = STR_INIT(""),
          .openid = STR_INIT("")},
         "59fee1ecc5f69702bdde665ac5e946f931ac6e1a"},
        {{.api_ticket = STR_INIT("ojZ8YtyVyr30HheH3CM73y7h4jJE"),
          .timestamp = STR_INIT("1404896688"),
          .card_id = STR_INIT("pjZ8Yt1XGILfi-FUsewpnnolGgZk"),
          .code = STR_INIT("1434008071"),
          .openid = STR_INIT("123456"),
          .nonce_str = STR_INIT("jonyqin")},
         "c0cb7e7273ac96d3669d70ab8c76a2980343039b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        char out[SIGN_LEN + 1];

        card_sign_add(h, &vectors[i].add, out);
        assert_string_equal(out, vectors[i].signature);
    }
}

/* Digits < upper case < '_' < lower case: any other order gives another sum. */
static void test_card_sign_add_sorts_bytewise(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);
    const struct card_sign_add add = {
        .api_ticket = STR("a"),
        .card_id = STR("_"),
        .code = STR("B"),
        .openid = STR("\xe5\x8d\xa1"),
        .timestamp = STR("1"),
        .nonce_str = STR("b"),
    };
    char expected[SIGN_LEN + 1];
    char out[SIGN_LEN + 1];

    (void)state;
    sign_values(h, &STR("1B_ab\xe5\x8d\xa1"), 1, expected);
    card_sign_add(h, &add, out);
    assert_string_equal(out, expected);
}

static void test_card_sign_choose_gives_the_published_signature(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);
    struct card_sign_choose choose = {
        .api_ticket = STR("TICKET_abc-123"),
        .app_id = STR("wxb11529c136998cb6"),
        .timestamp = STR("1404896688"),
        .nonce_str = STR("jonyqin"),
    };
    char out[SIGN_LEN + 1];

    (void)state;
    card_sign_choose(h, &choose, out);
    assert_string_equal(out, "c446ba2c1287a718f6b7c7880f07d9d432c4eac3");
    choose.shop_id = STR("");
    choose.card_id = STR("");
    card_sign_choose(h, &choose, out);
    assert_string_equal(out, "c446ba2c1287a718f6b7c7880f07d9d432c4eac3");
    choose.card_type = STR("MEMBER_CARD");
    card_sign_choose(h, &choose, out);
    assert_string_not_equal(out, "c446ba2c1287a718f6b7c7880f07d9d432c4eac3");
}

static void test_card_sign_page_gives_the_published_signature(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);
    static const struct str urls[] = {
        STR_INIT("http://mp.weixin.qq.com?params=value"),
        STR_INIT("http://mp.weixin.qq.com?params=value#"),
        STR_INIT("http://mp.weixin.qq.com?params=value#/cards#top"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        const struct card_sign_page page = {
            .jsapi_ticket = STR(PAGE_TICKET),
            .nonce_str = STR("Wm3WZYTPz0wzccnW"),
            .timestamp = STR("1414587457"),
            .url = urls[i],
        };
        char out[SIGN_LEN + 1];

        card_sign_page(h, &page, out);
        assert_string_equal(out, "0f9de62fce790f9a083d5c99e95740ceb90c27ed");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_card_sign_add_gives_the_published_signatures),
        cmocka_unit_test(test_card_sign_add_sorts_bytewise),
        cmocka_unit_test(test_card_sign_choose_gives_the_published_signature),
        cmocka_unit_test(test_card_sign_page_gives_the_published_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
