/* SPDX-License-Identifier: Apache-2.0 */
/* The console's replies and buttons as rules and a menu, and what is listed as lost. */
#include "ctl/autoreply_convert.h"
#include "ctl/autoreply_reply.h"
#include "ctl/menu_diff.h"
#include "ctl/menu_form.h"
#include "tests/unit/check.h"

#include <stdio.h>

enum { TEXT_MAX = 1 << 20 };

static struct json *parse(const char *text)
{
    struct json *tree = NULL;
    struct err err;

    assert_int_equal(json_parse(str_from(text), &tree, &err), ST_OK);
    return tree;
}

static void check_lost(const struct losses *lost, const char *expected)
{
    struct buf text = BUF_INIT(TEXT_MAX);

    assert_false(lost->failed);
    for (const struct lost *l = lost->first; l; l = l->next)
        buf_addf(&text, "%.*s: %.*s\n", STR_ARG(l->where), STR_ARG(l->why));
    assert_string_equal(text.ptr ? text.ptr : "", expected);
    buf_done(&text);
}

static void check_reply(const char *item, const char *reply, const char *why)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};
    struct json *tree = parse(item);
    char told[REPLY_WHY_SIZE];

    assert_int_equal(autoreply_reply(tree, "content", &w, told), reply != NULL);
    assert_string_equal(told, why);
    assert_string_equal(text.ptr ? text.ptr : "", reply ? reply : "");
    json_free(tree);
    buf_done(&text);
}

#define BRACES "{word} would be a placeholder of the rules file: it is { word} now"

static void test_reply_says_what_the_console_says(void **state)
{
    (void)state;
    check_reply("{\"type\":\"text\",\"content\":\"\xe4\xbd\xa0\\n]]>\"}",
                "{\"type\":\"text\",\"content\":\"\xe4\xbd\xa0\\n]]>\"}", "");
    check_reply("{\"type\":\"img\",\"content\":\"m1\"}", "{\"type\":\"image\",\"media_id\":\"m1\"}",
                "");
    check_reply("{\"type\":\"photo\",\"content\":\"m1\"}",
                "{\"type\":\"image\",\"media_id\":\"m1\"}", "");
    check_reply("{\"type\":\"voice\",\"content\":\"m2\"}",
                "{\"type\":\"voice\",\"media_id\":\"m2\"}", "");
    check_reply("{\"type\":\"video\",\"content\":\"m3\"}",
                "{\"type\":\"video\",\"media_id\":\"m3\"}",
                "WeChat does not show a video's title and description: it has none");
    check_reply("{\"type\":\"video\",\"content\":\"http://v\"}", NULL,
                "WeChat shows a link only, a reply needs a media_id: upload it again");
    check_reply(
        "{\"type\":\"news\",\"content\":\"m\",\"news_info\":{\"list\":[{\"title\":\"t\","
        "\"digest\":\"d\",\"cover_url\":\"http://c\",\"content_url\":\"http://u/{a}\"},{}]}}",
        "{\"type\":\"news\",\"articles\":[{\"title\":\"t\",\"description\":\"d\",\"pic_url\":"
        "\"http://c\",\"url\":\"http://u/%7Ba}\"}]}",
        "a reply has one article: the first is kept");
    check_reply("{\"type\":\"news\",\"content\":\"m\"}", NULL,
                "there is no article with title and address in it");
    check_reply("{\"type\":\"finder\",\"content\":\"m\"}", NULL,
                "no reply can say what is of the type finder");
    check_reply("{\"type\":\"text\"}", NULL, "there is no text in it");
    check_reply("{}", NULL, "there is no type in it");
    check_reply("{\"type\":\"text\",\"content\":\"{openid} {} { x} {a b}\"}",
                "{\"type\":\"text\",\"content\":\"{ openid} {} { x} {a b}\"}", BRACES);
}

static void test_reply_tells_all_that_is_lost(void **state)
{
    (void)state;
    check_reply("{\"type\":\"news\",\"news_info\":{\"list\":[{\"title\":\"{a}{b}\",\"digest\":"
                "\"\\u0001\",\"cover_url\":\"c\",\"content_url\":\"https://u\"},7]}}",
                "{\"type\":\"news\",\"articles\":[{\"title\":\"{ a}{ b}\",\"url\":\"https://u\"}]}",
                BRACES "; its picture has no address of http or https within 1024 bytes; a reply "
                       "has one article: the first is kept");
    check_reply("{\"type\":\"text\",\"content\":\"a\\u0001\"}",
                "{\"type\":\"text\",\"content\":\"a\"}", "control characters are left out");
    check_reply("{\"type\":\"img\",\"content\":\"a b\"}", NULL, "there is no media_id in it");
}

/* An address grows when its braces are escaped. */
static void test_reply_measures_an_address_as_it_is_written(void **state)
{
    char item[1200];

    (void)state;
    (void)snprintf(item, sizeof(item),
                   "{\"type\":\"news\",\"news_info\":{\"list\":[{\"title\":\"t\","
                   "\"content_url\":\"https://u/%01011d{a}\"}]}}",
                   0); /* 1024 bytes */
    check_reply(item, NULL, "there is no article with title and address in it");
}

static void test_reply_cuts_a_text_between_characters(void **state)
{
    char item[3000];
    struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};
    char why[REPLY_WHY_SIZE];
    struct json *tree;

    (void)state;
    (void)snprintf(item, sizeof(item), "{\"type\":\"text\",\"content\":\"%02047d\xe4\xbd\xa0\"}",
                   0);
    tree = parse(item);
    assert_true(autoreply_reply(tree, "content", &w, why));
    assert_int_equal(text.len, sizeof("{\"type\":\"text\",\"content\":\"\"}") - 1 + 2047);
    assert_string_equal(why, "a text has 2048 bytes at most: the end is cut off");
    json_free(tree);
    buf_done(&text);
}

static void check_rules(const char *answer, const char *rules, const char *expected_lost)
{
    struct losses lost = LOSSES_INIT;
    struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};
    struct autoreply_converting c = {.w = &w, .lost = &lost};
    struct json *tree = parse(answer);

    jsonw_array(&w);
    autoreply_subscribe(tree, &c);
    autoreply_keywords(tree, &c);
    autoreply_default(tree, &c);
    jsonw_array_end(&w);
    assert_false(c.failed);
    assert_string_equal(text.ptr, rules);
    check_lost(&lost, expected_lost);
    losses_done(&lost);
    json_free(tree);
    buf_done(&text);
}

#define SINGLES                                                             \
    "\"add_friend_autoreply_info\":{\"type\":\"text\",\"content\":\"hi\"}," \
    "\"message_default_autoreply_info\":{\"type\":\"img\",\"content\":\"m\"}"

static void test_convert_takes_the_single_replies(void **state)
{
    (void)state;
    check_rules("{\"is_add_friend_reply_open\":1,\"is_autoreply_open\":1," SINGLES "}",
                "[{\"match\":\"event\",\"event\":\"subscribe\",\"reply\":{\"type\":\"text\","
                "\"content\":\"hi\"}},{\"match\":\"default\",\"reply\":{\"type\":\"image\","
                "\"media_id\":\"m\"}}]",
                "");
    check_rules("{\"is_add_friend_reply_open\":0,\"is_autoreply_open\":0," SINGLES
                ",\"keyword_autoreply_info\":{\"list\":[{}]}}",
                "[]",
                "autoreply.get /add_friend_autoreply_info: it is switched off in the console\n"
                "autoreply.get /keyword_autoreply_info/list: they are switched off in the console\n"
                "autoreply.get /message_default_autoreply_info: it is switched off in the "
                "console\n");
    check_rules("{\"is_add_friend_reply_open\":0,\"is_autoreply_open\":0}", "[]", "");
    check_rules("{\"add_friend_autoreply_info\":7}", "[]",
                "autoreply.get /add_friend_autoreply_info: there is no type in it\n");
}

#define KEYWORD(mode, content) \
    "{\"type\":\"text\",\"match_mode\":\"" mode "\",\"content\":\"" content "\"}"
#define TEXT(content) "{\"type\":\"text\",\"content\":\"" content "\"}"
#define LIST(rules)   "{\"keyword_autoreply_info\":{\"list\":[" rules "]}}"
#define WHERE         "autoreply.get /keyword_autoreply_info/list/0"

static void test_convert_splits_a_rule_by_match_mode(void **state)
{
    (void)state;
    check_rules(
        LIST("{\"rule_name\":\"r\",\"reply_mode\":\"reply_all\",\"keyword_list_info\":[" KEYWORD(
            "contain",
            "a") "," KEYWORD("equal",
                             "b") "," KEYWORD("contain",
                                              "c") "],\"reply_list_info\":[" TEXT("x") "]}"),
        "[{\"match\":\"keyword\",\"mode\":\"contain\",\"keywords\":[\"a\",\"c\"],\"reply\":" TEXT(
            "x") "},{\"match\":\"keyword\",\"mode\":\"equal\",\"keywords\":[\"b\"],"
                 "\"reply\":" TEXT("x") "}]",
        "");
}

static void test_convert_lists_what_one_reply_cannot(void **state)
{
    (void)state;
    check_rules(
        LIST("{\"rule_name\":\"r\",\"reply_mode\":\"reply_all\",\"keyword_list_info\":[" KEYWORD(
            "equal", "a") "],\"reply_list_info\":[{\"type\":\"x\"}," TEXT("1") "," TEXT("2") "]}"),
        "[{\"match\":\"keyword\",\"mode\":\"equal\",\"keywords\":[\"a\"],\"reply\":" TEXT("1") "}]",
        WHERE "/reply_list_info/0 (r): no reply can say what is of the type x\n" WHERE
              "/reply_list_info/2 (r): WeChat takes one reply to a message: it has the "
              "first\n");
    check_rules(
        LIST("{\"reply_mode\":\"random_one\",\"keyword_list_info\":[" KEYWORD(
            "equal", "a") "],\"reply_list_info\":[" TEXT("1") "," TEXT("2") "]}"),
        "[{\"match\":\"keyword\",\"mode\":\"equal\",\"keywords\":[\"a\"],\"reply\":" TEXT("1") "}]",
        WHERE "/reply_list_info/1: the console takes one by chance, here it is always the "
              "first\n");
    check_rules(
        LIST("{\"keyword_list_info\":[{\"type\":\"img\",\"match_mode\":\"equal\",\"content\":"
             "\"m\"}," KEYWORD("regex", "a") "," KEYWORD(
                 "equal", "") "],\"reply_list_info\":[" TEXT("1") "]},{\"reply_list_info\":7}"),
        "[]",
        WHERE "/keyword_list_info/0: a keyword that is no text\n" WHERE
              "/keyword_list_info/1: its match_mode is neither contain nor equal\n" WHERE
              "/keyword_list_info/2: there is no keyword in it\n" WHERE
              ": there is no keyword left to match\n"
              "autoreply.get /keyword_autoreply_info/list/1: there is no reply left to send\n");
}

static void check_form(const char *buttons, const char *menu, const char *clicks,
                       const char *expected_lost)
{
    struct losses lost = LOSSES_INIT;
    struct buf text = BUF_INIT(TEXT_MAX);
    struct buf rules = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};
    struct jsonw rules_w = {.out = &rules};
    struct menu_forming f = {.from = "", .lost = &lost, .clicks = &rules_w};
    struct json *tree = parse(buttons);

    jsonw_array(&rules_w);
    menu_form(tree, &f, &w);
    jsonw_array_end(&rules_w);
    assert_false(f.failed);
    assert_string_equal(text.ptr, menu);
    assert_string_equal(rules.ptr, clicks);
    check_lost(&lost, expected_lost);
    losses_done(&lost);
    json_free(tree);
    buf_done(&text);
    buf_done(&rules);
}

/* printf '%s' '{"type":"text","name":"n","value":"v"}' | sha256sum | cut -c-16 */
#define KEY_OF_V "kabao-8e4f787ace061131"

static void test_form_makes_a_click_button_of_what_the_console_says(void **state)
{
    (void)state;
    check_form("[{\"type\":\"text\",\"name\":\"n\",\"value\":\"v\"}]",
               "{\"button\":[{\"type\":\"click\",\"name\":\"n\",\"key\":\"" KEY_OF_V "\"}]}",
               "[{\"match\":\"event\",\"event\":\"CLICK\",\"key\":\"" KEY_OF_V
               "\",\"reply\":" TEXT("v") "}]",
               "");
    check_form(
        "[{\"type\":\"click\",\"name\":\"n\",\"key\":\"" KEY_OF_V "\"}]",
        "{\"button\":[{\"type\":\"click\",\"name\":\"n\",\"key\":\"" KEY_OF_V "\"}]}", "[]",
        "/0 (n): it was brought over before, what it said is not shown any more: its rule is "
        "in the rules file of that time only\n");
}

static void test_form_keeps_what_the_api_takes(void **state)
{
    (void)state;
    check_form(
        "[{\"name\":\"top\",\"sub_button\":{\"list\":[{\"type\":\"view\",\"name\":\"a\",\"url\":"
        "\"http://a\",\"sub_button\":[]},{\"type\":\"miniprogram\",\"name\":\"m\",\"appid\":"
        "\"wx\"}]}},{\"name\":\"empty\",\"sub_button\":{\"list\":[]}},7,"
        "{\"type\":\"click\",\"name\":\"n\",\"key\":\"k\"}]",
        "{\"button\":[{\"name\":\"top\",\"sub_button\":[{\"type\":\"view\",\"name\":\"a\","
        "\"url\":\"http://a\"}]}]}",
        "[]",
        ": there are 4 buttons, the first 3 are kept\n"
        "/0/sub_button/list/1 (m): url is required by the type miniprogram\n"
        "/1 (empty): there is no type in it\n"
        "/2: name is required\n");
    check_form("[{\"name\":\"top\",\"sub_button\":[{\"type\":\"finder\",\"name\":\"a\"}]}]",
               "{\"button\":[]}", "[]",
               "/0/sub_button/0 (a): no reply can say what is of the type finder\n"
               "/0 (top): no button of its sub menu is left\n");
}

/* menu_diff_fn */
static void note(void *arg, const struct menu_difference *d)
{
    static const char signs[] = {
        [MENU_ADDED] = '+', [MENU_REMOVED] = '-', [MENU_CHANGED] = '~', [MENU_MOVED] = '>'};

    buf_addf(arg, "%c%.*s/%.*s ", signs[d->change], STR_ARG(d->parent), STR_ARG(d->name));
}

static void check_diff(const char *was, const char *is, const char *expected)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct json *a = parse(was);
    struct json *b = parse(is);
    size_t count = menu_diff(a, b, note, &text);

    assert_string_equal(text.ptr ? text.ptr : "", expected);
    assert_int_equal(count == 0, *expected == '\0');
    json_free(a);
    json_free(b);
    buf_done(&text);
}

#define B(name, key)    "{\"type\":\"click\",\"name\":\"" name "\",\"key\":\"" key "\"}"
#define MENU(list)      "{\"button\":[" list "]}"
#define SUB(name, list) "{\"name\":\"" name "\",\"sub_button\":[" list "]}"

static void test_diff_knows_buttons_by_name(void **state)
{
    (void)state;
    check_diff(MENU(B("a", "1")), MENU(B("a", "1")), "");
    check_diff("null", MENU(B("a", "1")), "+/a ");
    check_diff(MENU(B("a", "1") "," B("b", "2")), MENU(B("b", "2")), "-/a ");
    check_diff(MENU(B("a", "1") "," B("b", "2")), MENU(B("b", "2") "," B("a", "3")), ">/b ~/a ");
    check_diff(MENU(SUB("s", B("a", "1") "," B("b", "1"))),
               MENU(SUB("s", B("b", "1") "," B("c", "1"))), "-s/a +s/c ");
    check_diff(MENU(B("a", "1")), MENU(SUB("a", B("a", "1"))), "~/a +a/a ");
    check_diff(MENU(B("a", "1") "," B("a", "2")), MENU(B("a", "1") "," B("a", "3")), "~/a ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_says_what_the_console_says),
        cmocka_unit_test(test_reply_tells_all_that_is_lost),
        cmocka_unit_test(test_reply_measures_an_address_as_it_is_written),
        cmocka_unit_test(test_reply_cuts_a_text_between_characters),
        cmocka_unit_test(test_convert_takes_the_single_replies),
        cmocka_unit_test(test_convert_splits_a_rule_by_match_mode),
        cmocka_unit_test(test_convert_lists_what_one_reply_cannot),
        cmocka_unit_test(test_form_makes_a_click_button_of_what_the_console_says),
        cmocka_unit_test(test_form_keeps_what_the_api_takes),
        cmocka_unit_test(test_diff_knows_buttons_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
