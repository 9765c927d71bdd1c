/* SPDX-License-Identifier: Apache-2.0 */
#include "config/check.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <string.h>

struct sample {
    struct str text;
    bool fits;
};

static void assert_all(bool (*check)(struct str), const struct sample *samples, size_t count)
{
    assert_false(check((struct str){0}));
    assert_false(check(STR("")));
    for (size_t i = 0; i < count; i++)
        if (check(samples[i].text) != samples[i].fits)
            fail_msg("\"%.*s\" should %s", STR_ARG(samples[i].text),
                     samples[i].fits ? "fit" : "be refused");
}

static void test_check_account_names(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("demo"), true},
        {STR_INIT("0"), true},
        {STR_INIT("abcdefghijklmnopqrstuvwxyz012345"), true},
        {STR_INIT("abcdefghijklmnopqrstuvwxyz0123456"), false},
        {STR_INIT("Demo"), false},
        {STR_INIT("a_b"), false},
        {STR_INIT(" a"), false},
        {STR_INIT("a\0"), false},
    };

    (void)state;
    assert_all(check_account_name, samples, COUNT_OF(samples));
}

static void test_check_command_names(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("card.gift_set.2"), true},
        {STR_INIT("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234"), true},
        {STR_INIT("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12345"), false},
        {STR_INIT("Card"), false},
        {STR_INIT("a-b"), false},
        {STR_INIT("a b"), false},
        {STR_INIT("a/b"), false},
        {STR_INIT("a\0"), false},
    };

    (void)state;
    assert_all(check_command_name, samples, COUNT_OF(samples));
}

static void test_check_error_codes(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("40056"), true},        {STR_INIT(" 1  2147483647 "), true},
        {STR_INIT("2147483648"), false},  {STR_INIT("0"), false},
        {STR_INIT("40056 0"), false},     {STR_INIT("-1"), false},
        {STR_INIT("+1"), false},          {STR_INIT("01"), false},
        {STR_INIT("40056,40057"), false}, {STR_INIT("40056\t1"), false},
        {STR_INIT("  "), false},          {STR_INIT("x"), false},
    };

    (void)state;
    assert_all(check_error_codes, samples, COUNT_OF(samples));
}

static void test_check_ids_hold_no_separator(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("wx0123456789abcdef"), true},
        {STR_INIT("gh_7f08-A"), true},
        {STR_INIT("wx:1"), false},
        {STR_INIT("wx 1"), false},
        {STR_INIT("wx/1"), false},
    };

    (void)state;
    assert_all(check_id, samples, COUNT_OF(samples));
}

static void test_check_topic_prefixes(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("kabao"), true},   {STR_INIT("shop-1.Test"), true}, {STR_INIT("a_b"), false},
        {STR_INIT("a b"), false},    {STR_INIT("kabao."), false},     {STR_INIT(".kabao"), false},
        {STR_INIT("ka:bao"), false},
    };

    (void)state;
    assert_all(check_topic_prefix, samples, COUNT_OF(samples));
}

static void test_check_listen_addresses(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("127.0.0.1:8080"), true},
        {STR_INIT("0.0.0.0:0"), true},
        {STR_INIT("localhost:65535"), true},
        {STR_INIT("[::1]:80"), true},
        {STR_INIT("[::]:80"), true},
        {STR_INIT("127.0.0.1"), false},
        {STR_INIT("127.0.0.1:"), false},
        {STR_INIT("127.0.0.1:65536"), false},
        {STR_INIT("127.0.0.1:-1"), false},
        {STR_INIT("127.0.0.1:+1"), false},
        {STR_INIT("127.0.0.1:80 "), false},
        {STR_INIT(":80"), false},
        {STR_INIT("8080"), false},
        {STR_INIT("::1:80"), false},
        {STR_INIT("[::1]"), false},
        {STR_INIT("[::1]80"), false},
        {STR_INIT("[::1:80"), false},
        {STR_INIT("[]:80"), false},
        {STR_INIT("[127.0.0.1]:80"), false},
        {STR_INIT("\"127.0.0.1:80\""), false},
        {STR_INIT("http://127.0.0.1:80"), false},
    };

    (void)state;
    assert_all(check_listen, samples, COUNT_OF(samples));
}

static void test_check_urls_are_tls_beyond_loopback(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("https://api.weixin.qq.com"), true},
        {STR_INIT("https://hub.example:8443/token?a=b"), true},
        {STR_INIT("http://127.0.0.1:9"), true},
        {STR_INIT("http://127.8.9.10/x"), true},
        {STR_INIT("http://localhost:9/x"), true},
        {STR_INIT("http://[::1]:9"), true},
        {STR_INIT("http://api.weixin.qq.com"), false},
        {STR_INIT("http://127.0.0.1.example.com"), false},
        {STR_INIT("http://127.0.0.1@example.com"), false},
        {STR_INIT("http://127.0.0.1:80@example.com"), false},
        {STR_INIT("http://127.0.0.1\\@example.com"), false},
        {STR_INIT("http://localhost.example.com"), false},
        {STR_INIT("http://[::1].example.com"), false},
        {STR_INIT("http://[::2]"), false},
        {STR_INIT("http://128.0.0.1"), false},
        {STR_INIT("https://user:pass@hub.example"), false},
        {STR_INIT("https://"), false},
        {STR_INIT("https:///x"), false},
        {STR_INIT("https://:443"), false},
        {STR_INIT("https://h:0"), false},
        {STR_INIT("https://h:"), false},
        {STR_INIT("https://h/a b"), false},
        {STR_INIT("ftp://127.0.0.1"), false},
        {STR_INIT("http:/"), false},
    };

    (void)state;
    assert_all(check_url, samples, COUNT_OF(samples));
}

static void test_check_log_levels(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("trace"), true},  {STR_INIT("debug"), true},    {STR_INIT("info"), true},
        {STR_INIT("warn"), true},   {STR_INIT("error"), true},    {STR_INIT("Info"), false},
        {STR_INIT("fatal"), false}, {STR_INIT("warning"), false},
    };

    (void)state;
    assert_all(check_log_level, samples, COUNT_OF(samples));
}

static void test_check_api_paths(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("/card/membercard/updateuser"), true},
        {STR_INIT("/cgi-bin/v2.0_x/A"), true},
        {STR_INIT("/"), false},
        {STR_INIT("card/code/get"), false},
        {STR_INIT("//card"), false},
        {STR_INIT("/card//code"), false},
        {STR_INIT("/card/code/"), false},
        {STR_INIT("/card/code?x=1"), false},
        {STR_INIT("/card code"), false},
        {STR_INIT("/a\0"), false},
    };
    char longest[130] = "/";

    (void)state;
    assert_all(check_api_path, samples, COUNT_OF(samples));
    memset(longest + 1, 'a', 128);
    assert_true(check_api_path(str_of(longest, 128)));
    assert_false(check_api_path(str_of(longest, 129)));
}

static void test_check_membership_numbers(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("code"), true},
        {STR_INIT("prefix:V"), true},
        {STR_INIT("prefix:VIP_2-ab"), true},
        {STR_INIT("prefix:VIP_2-abc"), false},
        {STR_INIT("prefix:"), false},
        {STR_INIT("prefix: V"), false},
        {STR_INIT("prefix:\xE5\x8D\xA1"), false},
        {STR_INIT("Code"), false},
        {STR_INIT("codes"), false},
        {STR_INIT("VIP"), false},
    };

    (void)state;
    assert_all(check_membership_number, samples, COUNT_OF(samples));
}

static void test_check_event_types(void **state)
{
    static const struct sample samples[] = {
        {STR_INIT("*"), true},
        {STR_INIT("kabao.member.changed  kabao.card.*"), true},
        {STR_INIT("kabao.wechat.user_pay_from_pay_cell"), true},
        {STR_INIT("kabao.member.changed,kabao.card.*"), false},
        {STR_INIT("kabao.Member"), false},
        {STR_INIT("kabao\tcard"), false},
        {STR_INIT("  "), false},
    };

    (void)state;
    assert_all(check_event_types, samples, COUNT_OF(samples));
}

static void test_check_host_names(void **state)
{
    static const struct {
        struct str text;
        bool ok;
    } rows[] = {
        {STR_INIT("cdn.example"), true},
        {STR_INIT(" a.example  b-2.example:8443 "), true},
        {STR_INIT("127.0.0.1:8443 [::1] [fd00::1]:8443"), true},
        {STR_INIT(""), false},
        {STR_INIT("  "), false},
        {{NULL, 0}, false},
        {STR_INIT("CDN.example"), false},
        {STR_INIT("https://cdn.example"), false},
        {STR_INIT("cdn.example/a"), false},
        {STR_INIT("*.example"), false},
        {STR_INIT("u@cdn.example"), false},
        {STR_INIT("cdn.example:"), false},
        {STR_INIT("cdn.example:0"), false},
        {STR_INIT("cdn.example:65536"), false},
        {STR_INIT(":443"), false},
        {STR_INIT("::1"), false},
        {STR_INIT("[::1"), false},
        {STR_INIT("a.example,b.example"), false},
        {STR_INIT("a.example b_example"), false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (check_host_names(rows[i].text) != rows[i].ok)
            fail_msg("%s", rows[i].text.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_host_names),
        cmocka_unit_test(test_check_account_names),
        cmocka_unit_test(test_check_command_names),
        cmocka_unit_test(test_check_error_codes),
        cmocka_unit_test(test_check_ids_hold_no_separator),
        cmocka_unit_test(test_check_topic_prefixes),
        cmocka_unit_test(test_check_listen_addresses),
        cmocka_unit_test(test_check_urls_are_tls_beyond_loopback),
        cmocka_unit_test(test_check_log_levels),
        cmocka_unit_test(test_check_api_paths),
        cmocka_unit_test(test_check_membership_numbers),
        cmocka_unit_test(test_check_event_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
