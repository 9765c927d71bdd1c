/* SPDX-License-Identifier: Apache-2.0 */
#include "http/url.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <stdio.h>

static void check_str(struct str got, const char *expected)
{
    if (expected == NULL) {
        assert_false(str_is_set(got));
        return;
    }
    if (!str_is_set(got) || !str_eq_cstr(got, expected))
        fail_msg("\"%.*s\" instead of \"%s\"", STR_ARG(got), expected);
}

static void test_url_encode_leaves_only_unreserved(void **state)
{
    struct buf out = BUF_INIT(100);

    (void)state;
    url_encode(STR("aZ09-._~ /?&=+%\n\xe5\x8d\xa1"), &out);
    check_str(buf_str(&out), "aZ09-._~%20%2F%3F%26%3D%2B%25%0A%E5%8D%A1");
    buf_done(&out);
}

static void test_url_decode_accepts_and_refuses(void **state)
{
    static const struct {
        struct str text;
        bool plus;
        const char *expected; /* NULL: absent */
    } rows[] = {
        {STR_INIT(""), true, ""},         {STR_INIT("abc"), true, "abc"},
        {STR_INIT("a+b"), true, "a b"},   {STR_INIT("a+b"), false, "a+b"},
        {STR_INIT("%41%7e"), true, "A~"}, {STR_INIT("%e5%8D%a1"), true, "\xe5\x8d\xa1"},
        {STR_INIT("%2B"), true, "+"},     {STR_INIT("%"), true, NULL},
        {STR_INIT("a%4"), true, NULL},    {STR_INIT("%4g"), true, NULL},
        {STR_INIT("%%41"), true, NULL},   {STR_INIT("a%00b"), true, NULL},
        {STR_INIT("a\0b"), true, NULL},   {STR_INIT("+\0"), true, NULL},
        {{NULL, 0}, true, NULL},
    };
    struct arena arena = ARENA_INIT(0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_str(url_decode(rows[i].text, rows[i].plus, &arena), rows[i].expected);
    arena_done(&arena);
}

static void test_url_decode_is_absent_when_memory_is_short(void **state)
{
    struct arena arena = ARENA_INIT(0);

    (void)state;
    mem_fail_at(1, true);
    check_str(url_decode(STR("%41"), true, &arena), NULL);
    check_str(url_query(STR("a=%41"), "a", &arena), NULL);
    check_str(url_query(STR("a=b"), "a", &arena), "b");
    mem_fail_at(0, false);
    arena_done(&arena);
}

static void test_url_query_takes_the_first_of_a_name(void **state)
{
    static const struct {
        const char *query;
        const char *name;
        const char *expected;
    } rows[] = {
        {"a=1&b=2&a=3", "a", "1"},
        {"a=1&b=2", "b", "2"},
        {"a=1&b=2", "c", NULL},
        {"", "a", NULL},
        {"a", "a", ""},
        {"a=", "a", ""},
        {"&&a=x=y&", "a", "x=y"},
        {"aa=1&a=2", "a", "2"},
        {"A=1", "a", NULL},
        {"%61=1", "a", "1"},
        {"a+b=1", "a b", "1"},
        {"a=%zz&a=2", "a", NULL},
        {"%zz=1&a=2", "a", "2"},
        {"a=b+c%26d", "a", "b c&d"},
        {"x=1;a=2", "a", NULL},
    };
    struct arena arena = ARENA_INIT(0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_str(url_query(str_from(rows[i].query), rows[i].name, &arena), rows[i].expected);
    check_str(url_query((struct str){NULL, 0}, "a", &arena), NULL);
    arena_done(&arena);
}

static void test_url_without_query_shows_no_secret(void **state)
{
    static const char *const rows[][2] = {
        {"https://h:1/p?access_token=x", "https://h:1/p"},
        {"https://h/p#x", "https://h/p"},
        {"https://h/p", "https://h/p"},
        {"https://h?x", "https://h"},
        {"https://u:pw@h/p?x", "h/p"},
        {"https://u:p@w@h/p/@x?x", "h/p/@x"},
        {"https://h/a@b?c@d", "https://h/a@b"},
        {"", ""},
        {"?x", ""},
        {"x@y", "y"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_str(url_without_query(str_from(rows[i][0])), rows[i][1]);
    check_str(url_without_query((struct str){NULL, 0}), NULL);
}

static void test_url_with_query_keeps_what_is_there(void **state)
{
    static const char *const rows[][2] = {
        {"https://a/b", "https://a/b?x=1&y=2"},
        {"https://a", "https://a?x=1&y=2"},
        {"https://a/?", "https://a/?x=1&y=2"},
        {"https://a/?m=api", "https://a/?m=api&x=1&y=2"},
        {"https://a/?m=&", "https://a/?m=&x=1&y=2"},
        {"https://a/b?c#d", "https://a/b?c&x=1&y=2"},
        {"https://a/b#d?e", "https://a/b?x=1&y=2"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 12);

        assert_string_equal(url_with_query(str_from(rows[i][0]), STR("x=1&y=2"), &arena),
                            rows[i][1]);
    }
}

static void test_url_loopback_is_strict(void **state)
{
    static const char *const yes[] = {
        "http://127.0.0.1",        "http://127.0.0.1/",         "http://127.0.0.1:80/x",
        "HTTP://localhost:8080?x", "http://LocalHost#x",        "http://[::1]",
        "http://[::1]:8080/",      "http://127.255.255.254:1/",
    };
    static const char *const no[] = {
        "",
        "http://",
        "https://127.0.0.1/",
        "http:/127.0.0.1/",
        "http://128.0.0.1/",
        "http://127.0.0.1.evil/",
        "http://127.0.0.1@evil/",
        "http://evil@127.0.0.1/",
        "http://127.0.0.1\\@evil/",
        "http://127.1/",
        "http://0127.0.0.1/",
        "http://127.0.0.01/",
        "http://127.0.0.256/",
        "http://127.0.0.1:/",
        "http://127.0.0.1:+80/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:80:80/",
        "http://localhost.evil/",
        "http://localhostx/",
        "http://[::1]x/",
        "http://[::2]/",
        "http://[::1/",
        "http:// 127.0.0.1/",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        if (!url_is_loopback_http(str_from(yes[i])))
            fail_msg("%s is refused", yes[i]);
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (url_is_loopback_http(str_from(no[i])))
            fail_msg("%s is taken", no[i]);
    assert_false(url_is_loopback_http((struct str){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_encode_leaves_only_unreserved),
        cmocka_unit_test(test_url_decode_accepts_and_refuses),
        cmocka_unit_test(test_url_decode_is_absent_when_memory_is_short),
        cmocka_unit_test(test_url_query_takes_the_first_of_a_name),
        cmocka_unit_test(test_url_without_query_shows_no_secret),
        cmocka_unit_test(test_url_with_query_keeps_what_is_there),
        cmocka_unit_test(test_url_loopback_is_strict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
