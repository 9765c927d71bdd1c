/* SPDX-License-Identifier: Apache-2.0 */
/* The landing page's address: what is read from it, what is refused, where it leads. */
#include "landing.h"
#include "tests/unit/check.h"

#include <string.h>

static void same(struct str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static bool reads(const char *query, struct arena *arena, struct activation_request *out)
{
    memset(out, 0, sizeof(*out));
    return landing_read(str_from(query), arena, out);
}

static void test_landing_decodes_once_and_keeps_every_plus(void **state)
{
    static const char *const queries[] = {
        "x=1&card_id=p1&encrypt_code=a%2Bb%2Fc%3D&outer_str=m+1%2B&openid=o-1_&activate_ticket=t%"
        "3D%3D",
        "&card_id=p1&encrypt_code=a+b/c=&outer_str=m%201%2B&openid=o-1_&activate_ticket=t==",
        "encrypt_code=a%20b/"
        "c%3D&card_id=p1&card_id=p2&outer_str=m+1%2B&openid=o-1_&activate_ticket=t==",
    };
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct activation_request r;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        assert_true(reads(queries[i], &arena, &r));
        same(r.card_id, "p1");
        same(r.encrypt_code, "a+b/c=");
        same(r.outer_str, "m 1+");
        same(r.openid, "o-1_");
        same(r.activate_ticket, "t==");
        assert_false(str_is_set(r.card_code) || str_is_set(r.membership_number));
    }
}

static void test_landing_takes_nothing_else(void **state)
{
    static const char *const refused[] = {
        "",
        "card_id=p1",
        "encrypt_code=QUJD",
        "card_id=&encrypt_code=QUJD",
        "card_id=p1&encrypt_code",
        "card_id=p1&encrypt_code=%",
        "card_id=p1&encrypt_code=%00",
        "card_id=p1&encrypt_code=a%2525",
        "card_id=p1%0d%0a&encrypt_code=QUJD",
        "card_id=p1&encrypt_code=QUJD&openid=%C3%A4",
        "card_id=p1&encrypt_code=QUJD&outer_str=%FF",
        "card_id=p1&encrypt_code=QUJD&outer_str=%7F",
        "card_id=p12345678901234567890123456789012&encrypt_code=QUJD",
    };
    static const char *const taken[] = {
        "card_id=p1&encrypt_code=QUJD&openid=&outer_str=&activate_ticket=",
        "card_id=p1&encrypt_code=QUJD&card_code=123&init_bonus=1000000&membership_number=1",
        "&&=&card_id=p1&encrypt_code=QUJD&outer_str=%E4%BD%A0",
    };
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct activation_request r;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_false(reads(refused[i], &arena, &r));
    assert_false(landing_read((struct str){NULL, 0}, &arena, &r));
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        assert_true(reads(taken[i], &arena, &r));
        assert_false(str_is_set(r.card_code) || r.init_bonus.set || str_is_set(r.openid));
    }
}

static void test_landing_same_address_same_identity(void **state)
{
    static const struct str appid = STR_INIT("wx1");
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    struct activation_request a;
    struct activation_request b;
    struct id first;
    struct id second;

    (void)state;
    assert_true(reads("card_id=p1&encrypt_code=a%2Bb", &arena, &a));
    assert_true(reads("encrypt_code=a+b&card_id=p1&x=2", &arena, &b));
    assert_true(landing_id(appid, &a, &arena, &first) && landing_id(appid, &b, &arena, &second));
    assert_string_equal(first.text, second.text);
    b.openid = STR("o1");
    assert_true(landing_id(appid, &b, &arena, &second));
    assert_string_not_equal(first.text, second.text);
}

static void test_landing_leads_to_the_merchants_page(void **state)
{
    static const struct {
        const char *url;
        const char *location;
    } cases[] = {
        {"https://shop.example/", "https://shop.example/?card_id=p1&outer_str=a%26b%0D%0A"},
        {"https://shop.example/p?x=1",
         "https://shop.example/p?x=1&card_id=p1&outer_str=a%26b%0D%0A"},
        {"https://shop.example/#top", "https://shop.example/?card_id=p1&outer_str=a%26b%0D%0A#top"},
    };
    struct activation_request r = {.card_id = STR("p1"),
                                   .outer_str = STR("a&b\r\n"),
                                   .encrypt_code = STR("secret"),
                                   .openid = STR("o1")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf_done) struct buf location = BUF_INIT(1024);

        landing_location(cases[i].url, &r, &location);
        same(buf_str(&location), cases[i].location);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_landing_decodes_once_and_keeps_every_plus),
        cmocka_unit_test(test_landing_takes_nothing_else),
        cmocka_unit_test(test_landing_same_address_same_identity),
        cmocka_unit_test(test_landing_leads_to_the_merchants_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
