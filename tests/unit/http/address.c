/* SPDX-License-Identifier: Apache-2.0 */
#include "http/address.h"

#include "base/attr.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

union any {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static union any address_of(const char *text)
{
    union any a = {.v4 = {.sin_family = AF_INET, .sin_port = htons(443)}};

    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
        return a;
    a = (union any){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)}};
    if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) != 1)
        fail_msg("%s is no address", text);
    return a;
}

static void check(const char *const *texts, size_t count, bool is_public)
{
    for (size_t i = 0; i < count; i++) {
        const union any a = address_of(texts[i]);

        if (http_address_is_public(&a.any) != is_public)
            fail_msg("%s is %s", texts[i], is_public ? "public" : "not public");
    }
}

static void test_address_knows_what_is_not_public(void **state)
{
    static const char *const texts[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::192.168.1.1",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:10::1",
        "2001:db8::1",
        "2002::1",
        "2002:7f00:1::1",
        "2002:c0a8:101::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456:789a::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
    };

    (void)state;
    check(texts, COUNT_OF(texts), false);
}

static void test_address_lets_the_neighbours_pass(void **state)
{
    static const char *const texts[] = {
        "1.0.0.0",         "9.255.255.255",        "11.0.0.0",         "100.63.255.255",
        "100.128.0.0",     "126.255.255.255",      "128.0.0.0",        "169.253.255.255",
        "169.255.0.0",     "172.15.255.255",       "172.32.0.0",       "192.0.1.0",
        "192.167.255.255", "192.169.0.0",          "198.17.255.255",   "198.20.0.0",
        "223.255.255.255", "::ffff:8.8.8.8",       "64:ff9b::8.8.8.8", "2000::1",
        "2001:200::1",     "2001:4860:4860::8888", "2001:db7::1",      "2003::1",
        "240e::1",         "2606:4700::1111",      "3ffe::1",
    };

    (void)state;
    check(texts, COUNT_OF(texts), true);
}

static void test_address_of_another_family_is_not_public(void **state)
{
    const union any a = {.local = {.sun_family = AF_UNIX, .sun_path = "/run/x"}};

    (void)state;
    assert_false(http_address_is_public(&a.any));
    assert_false(http_address_is(&a.any, STR("/run/x")));
}

static void test_address_is_the_literal_and_no_other_spelling(void **state)
{
    static const struct {
        const char *address;
        struct str literal;
        bool is;
    } rows[] = {
        {"127.0.0.1", STR_INIT("127.0.0.1"), true},
        {"127.0.0.2", STR_INIT("127.0.0.1"), false},
        {"127.0.0.1", STR_INIT("localhost"), false},
        {"127.0.0.1", STR_INIT("2130706433"), false},
        {"127.0.0.1", STR_INIT("0x7f.0.0.1"), false},
        {"127.0.0.1", STR_INIT("0177.0.0.1"), false},
        {"127.0.0.1", STR_INIT("127.1"), false},
        {"127.0.0.1", STR_INIT("127.0.0.1."), false},
        {"127.0.0.1", STR_INIT("127.0.0.1\0"), false},
        {"127.0.0.1", STR_INIT("[::ffff:127.0.0.1]"), false},
        {"127.0.0.1", STR_INIT(""), false},
        {"::1", STR_INIT("::1"), true},
        {"::1", STR_INIT("[::1]"), true},
        {"::1", STR_INIT("[0:0:0:0:0:0:0:1]"), true},
        {"::1", STR_INIT("[::2]"), false},
        {"::1", STR_INIT("["), false},
        {"::1", STR_INIT("[]"), false},
    };
    const union any none = address_of("::");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const union any a = address_of(rows[i].address);

        if (http_address_is(&a.any, rows[i].literal) != rows[i].is)
            fail_msg("%s, %s", rows[i].address, rows[i].literal.ptr);
    }
    assert_false(http_address_is(&none.any, (struct str){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_knows_what_is_not_public),
        cmocka_unit_test(test_address_lets_the_neighbours_pass),
        cmocka_unit_test(test_address_of_another_family_is_not_public),
        cmocka_unit_test(test_address_is_the_literal_and_no_other_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
