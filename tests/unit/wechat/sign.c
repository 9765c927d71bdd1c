/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: wechat-api 1.7, 7.2 and 7.3. */
#include "wechat/sign.h"

#include "tests/unit/check.h"

struct vector {
    struct str values[SIGN_VALUES_MAX];
    size_t count;
    const char *signature;
};

#define VALUES(...) {__VA_ARGS__}, sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str)

static const struct vector vectors[] = {
    {VALUES(STR_INIT("weixin"), STR_INIT("1357982061"), STR_INIT("1358161344")),
     "335b26997f05c82243aad6b10a2d1853637e71a8"},
    {VALUES(STR_INIT("huhujm"), STR_INIT("1359208540"), STR_INIT("1359227084")),
     "efa917e2445cc9f0aa4386ca92f96de5a242e24e"},
    {VALUES(STR_INIT("token1234567890"), STR_INIT("1458864389"), STR_INIT("2066297436")),
     "f9c725922f6844701ba71e98031978e40023c09f"},
    {VALUES(STR_INIT("kafkawx"), STR_INIT("1432668701"), STR_INIT("1372623149")),
     "06d850131043679493ed2cd2c8fdf1861a6772b1"},
    {VALUES(STR_INIT("c"), STR_INIT("a"), STR_INIT("b")),
     "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {VALUES(STR_INIT("ffff"), STR_INIT("bbbb"), STR_INIT("eeee"), STR_INIT("aaaa"),
            STR_INIT("dddd"), STR_INIT("cccc")),
     "89a0e60888a9471f75dc5eb0ee86431ddbec1fd9"},
    {VALUES(STR_INIT("TICKET_abc-123"), STR_INIT("1404896688"),
            STR_INIT("pjZ8Yt1XGILfi-FUsewpnnolGgZk")),
     "66b932c1a656feda66a529e8f33dfb209c5b5a69"},
    {VALUES(STR_INIT("TICKET_abc-123"), STR_INIT("1404896688"),
            STR_INIT("pjZ8Yt1XGILfi-FUsewpnnolGgZk"), STR_INIT("jonyqin")),
     "59fee1ecc5f69702bdde665ac5e946f931ac6e1a"},
    {VALUES(STR_INIT("ojZ8YtyVyr30HheH3CM73y7h4jJE"), STR_INIT("1404896688"),
            STR_INIT("pjZ8Yt1XGILfi-FUsewpnnolGgZk"), STR_INIT("1434008071"), STR_INIT("123456"),
            STR_INIT("jonyqin")),
     "c0cb7e7273ac96d3669d70ab8c76a2980343039b"},
    {VALUES(STR_INIT("TICKET_abc-123"), STR_INIT("wxb11529c136998cb6"), STR_INIT(""),
            STR_INIT("1404896688"), STR_INIT("jonyqin"), {NULL, 0}),
     "c446ba2c1287a718f6b7c7880f07d9d432c4eac3"},
};

static void test_sign_values_gives_the_published_signatures(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        const struct vector *v = &vectors[i];
        char out[SIGN_LEN + 1];

        sign_values(h, v->values, v->count, out);
        assert_string_equal(out, v->signature);
        assert_true(sign_check(h, v->values, v->count, str_from(v->signature)));
    }
}

static void test_sign_check_refuses_anything_else(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);
    static const struct str others[] = {
        {NULL, 0},
        STR_INIT(""),
        STR_INIT("335b26997f05c82243aad6b10a2d1853637e71a"),
        STR_INIT("335b26997f05c82243aad6b10a2d1853637e71a80"),
        STR_INIT("335b26997f05c82243aad6b10a2d1853637e71a9"),
        STR_INIT("435b26997f05c82243aad6b10a2d1853637e71a8"),
        STR_INIT("335B26997F05C82243AAD6B10A2D1853637E71A8"),
        STR_INIT(" 335b26997f05c82243aad6b10a2d1853637e71a"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(sign_check(h, vectors[0].values, vectors[0].count, others[i]));
}

static void test_sign_values_needs_no_values(void **state)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);
    char out[SIGN_LEN + 1];

    (void)state;
    sign_values(h, NULL, 0, out);
    assert_string_equal(out, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_values_gives_the_published_signatures),
        cmocka_unit_test(test_sign_check_refuses_anything_else),
        cmocka_unit_test(test_sign_values_needs_no_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
