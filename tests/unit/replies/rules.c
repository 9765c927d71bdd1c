/* SPDX-License-Identifier: Apache-2.0 */
/* What a file of rules means, and what a wrong one is refused for. */
#include "base/mem.h"
#include "replies.h"
#include "tests/unit/check.h"
#include "tests/unit/config/file.h"

#include <string.h>

#define TEXT(content)  "\"reply\":{\"type\":\"text\",\"content\":\"" content "\"}"
#define DEFAULT(reply) "{\"rules\":[\n{\"match\":\"default\",\n\"reply\":" reply "}]}"

static struct replies_set *parse(const char *text)
{
    struct replies_set *set = NULL;
    struct err err = {0};

    if (replies_set_parse(str_from(text), "r.json", &set, &err) != ST_OK)
        fail_msg("%s", err.text);
    return set;
}

/* A text, unless the caller makes something else of it. */
static struct push push_with(struct xml_element elements[2], const char *name, const char *text)
{
    elements[0] = (struct xml_element){.name = STR("xml"), .parent = -1, .has_children = true};
    elements[1] = (struct xml_element){.name = str_from(name), .text = str_from(text), .depth = 1};
    return (struct push){.xml = {elements, 2}, .event = {.msg_type = STR("text")}};
}

static const char *answer(const struct replies_set *set, const struct push *push)
{
    AUTO(buf_done) struct buf folded = BUF_INIT(REPLIES_FOLDED_MAX);
    const struct reply *reply = replies_set_find(set, push, &folded);

    return reply ? reply->parts[0].ptr : "-";
}

static const char *answer_text(const struct replies_set *set, const char *content)
{
    struct xml_element elements[2];
    const struct push push = push_with(elements, "Content", content);

    return answer(set, &push);
}

static const char *answer_event(const struct replies_set *set, const char *name, const char *scene,
                                const char *key)
{
    struct xml_element elements[2];
    struct push push = push_with(elements, "EventKey", key);

    push.event =
        (struct event){.msg_type = STR("event"), .event = str_from(name), .scene = str_from(scene)};
    return answer(set, &push);
}

static void test_rules_the_first_that_fits_wins(void **state)
{
    AUTO(replies_set_freep)
    struct replies_set *set = parse(
        "{\"rules\":["
        "{\"match\":\"keyword\",\"mode\":\"equal\",\"keywords\":[\"ＶＩＰ\",\"会员\"]," TEXT(
            "1") "},"
                 "{\"match\":\"keyword\",\"mode\":\"contain\",\"keywords\":[\"会员\",\"Card\"]"
                 "," TEXT("2") "},"
                               "{\"match\":\"keyword\",\"mode\":\"equal\",\"keywords\":[\"my "
                               "card\",\"bye\"]," TEXT(
                                   "3") "},"
                                        "{\"match\":\"default\"," TEXT(
                                            "4") "},"
                                                 "{\"match\":\"keyword\",\"mode\":\"contain\","
                                                 "\"keywords\":[\"late\"]," TEXT("5") "}]}");

    (void)state;
    assert_string_equal(answer_text(set, "vip"), "1");
    assert_string_equal(answer_text(set, "　ｖｉｐ　"), "1");
    assert_string_equal(answer_text(set, "会员"), "1");
    assert_string_equal(answer_text(set, "我的会员卡"), "2");
    assert_string_equal(answer_text(set, "MY CARD"), "2");
    assert_string_equal(answer_text(set, "bye"), "3");
    assert_string_equal(answer_text(set, "bye bye"), "4");
    assert_string_equal(answer_text(set, "too late"), "4");
    assert_string_equal(answer_text(set, ""), "4");
    assert_string_equal(answer_event(set, "CLICK", NULL, "vip"), "-");
    assert_int_equal(replies_set_count(set), 5);
}

static void test_rules_events_by_name_and_key(void **state)
{
    AUTO(replies_set_freep)
    struct replies_set *set = parse(
        "{\"rules\":["
        "{\"match\":\"event\",\"event\":\"subscribe\",\"key\":\"qrscene_a\"," TEXT(
            "1") "},"
                 "{\"match\":\"event\",\"event\":\"Subscribe\",\"key\":\"b\"," TEXT(
                     "2") "},"
                          "{\"match\":\"event\",\"event\":\"SUBSCRIBE\"," TEXT(
                              "3") "},"
                                   "{\"match\":\"event\",\"event\":\"subscribe\",\"key\":"
                                   "\"late\"," TEXT("4") "},"
                                                         "{\"match\":\"event\",\"event\":\"click\","
                                                         "\"key\":\"V1\"," TEXT("5") "}]}");

    (void)state;
    assert_string_equal(answer_event(set, "subscribe", "a", "qrscene_a"), "1");
    assert_string_equal(answer_event(set, "subscribe", "b", "qrscene_b"), "2");
    assert_string_equal(answer_event(set, "subscribe", NULL, ""), "3");
    assert_string_equal(answer_event(set, "subscribe", "late", "qrscene_late"), "3");
    assert_string_equal(answer_event(set, "CLICK", NULL, "V1"), "5");
    assert_string_equal(answer_event(set, "CLICK", NULL, "v1"), "-");
    assert_string_equal(answer_event(set, "CLICK", NULL, ""), "-");
    assert_string_equal(answer_event(set, "SCAN", "a", "a"), "-");
    assert_string_equal(answer_event(set, "", NULL, ""), "-");
    assert_string_equal(answer_text(set, "subscribe"), "-");
}

static void test_rules_fill_in_what_the_push_knows(void **state)
{
    AUTO(replies_set_freep)
    struct replies_set *set =
        parse(DEFAULT("{\"type\":\"news\",\"articles\":[{\"title\":\"{openid}:{card_code}{ {x\","
                      "\"url\":\"https://a/?s={scene}&c={card_id}\"}]}"));
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    AUTO(buf_done) struct buf folded = BUF_INIT(64);
    const struct event event = {.openid = STR("o1"), .scene = STR("{openid}&会")};
    const struct push push = {.event = {.msg_type = STR("image")}};
    struct reply out;
    struct err err;

    (void)state;
    assert_int_equal(
        replies_fill(replies_set_find(set, &push, &folded), &event, &arena, &out, &err), ST_OK);
    assert_true(str_eq(out.parts[0], STR("o1:{ {x")));
    assert_true(str_eq(out.parts[3], STR("https://a/?s=%7Bopenid%7D%26%E4%BC%9A&c=")));
    assert_false(str_is_set(out.parts[1]));
}

/* WeChat takes an empty Content, Title or Url for an error and tells the user so. */
static void test_rules_a_reply_of_which_nothing_is_left_is_none(void **state)
{
    static const char *const replies[] = {
        DEFAULT("{\"type\":\"text\",\"content\":\" {scene}\\r\\n\"}"),
        DEFAULT("{\"type\":\"text\",\"content\":\"{scene}\"}"),
        DEFAULT("{\"type\":\"news\",\"articles\":[{\"title\":\"{card_code}\","
                "\"url\":\"https://a/\"}]}"),
    };
    const struct event event = {.openid = STR("o1")};
    const struct push push = {.event = {.msg_type = STR("image")}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        AUTO(replies_set_freep) struct replies_set *set = parse(replies[i]);
        AUTO(arena_done) struct arena arena = ARENA_INIT(0);
        AUTO(buf_done) struct buf folded = BUF_INIT(64);
        struct reply out;
        struct err err;

        assert_int_equal(
            replies_fill(replies_set_find(set, &push, &folded), &event, &arena, &out, &err),
            ST_REJECT);
        assert_string_equal(err.code, "empty");
    }
}

static const struct {
    const char *text;
    const char *told; /* behind "r.json:" */
} WRONG[] = {
    {"{\"rules\":[\n{]}", "2: JSON"},
    {"", "1: JSON"},
    {"{\"rules\":[]}\nx", "2: JSON"},
    {"{\"rules\":[],\n\"rules\":[]}", "2: JSON: a key is given twice"},
    {"{\"rules\":[\n\"\xFF\"]}", "2: JSON: not UTF-8"},
    {"[]", "1: must be object"},
    {"{}", "1: /rules is required"},
    {"{\"rules\":[],\n\n\"more\":1}", "3: /more"},
    {"{\"rules\":[{\"match\":\"default\"," TEXT("a") "},\n{\"match\":\"all\"," TEXT("a") "}]}",
     "2: /rules/1/match"},
    {"{\"rules\":[\n{\"match\":\"default\"}]}", "2: /rules/0/reply is required"},
    {"{\"rules\":[\n{\"match\":\"keyword\",\"mode\":\"equal\"," TEXT("a") "}]}",
     "2: /rules/0/keywords is required"},
    {"{\"rules\":[{\"match\":\"keyword\",\"keywords\":[\"a\"]," TEXT("a") "}]}",
     "1: /rules/0/mode is required"},
    {"{\"rules\":[{\"match\":\"keyword\",\"mode\":\"equal\",\"keywords\":[\"a\",\n\" 　\"]," TEXT(
         "a") "}]}",
     "2: /rules/0/keywords/1 has nothing"},
    {"{\"rules\":[{\"match\":\"keyword\",\"mode\":\"equal\",\"keywords\":[\"\\u0000\"]," TEXT(
         "a") "}]}",
     "1: /rules/0/keywords/0 has a control"},
    {"{\"rules\":[{\"match\":\"keyword\",\"mode\":\"equal\",\"keywords\":[]," TEXT("a") "}]}",
     "1: /rules/0/keywords"},
    {"{\"rules\":[{\"match\":\"event\"," TEXT("a") "}]}", "1: /rules/0/event is required"},
    {"{\"rules\":[{\"match\":\"event\",\"event\":\"unsubscribe\"," TEXT("a") "}]}",
     "1: /rules/0/event is unsubscribe"},
    {"{\"rules\":[{\"match\":\"default\",\n\"key\":\"a\"," TEXT("a") "}]}",
     "2: /rules/0/key is nothing that a rule of match default has"},
    {DEFAULT("{\"type\":\"text\",\"content\":\" \\r\"}"), "3: /rules/0/reply/content has nothing"},
    {DEFAULT("{\"type\":\"text\"}"), "3: /rules/0/reply/content is required"},
    {DEFAULT("{\"type\":\"text\",\"content\":\"{nickname}\"}"),
     "3: /rules/0/reply/content has {nickname}; known are"},
    {DEFAULT("{\"type\":\"text\",\"content\":\"\\u0001\"}"), "3: /rules/0/reply/content has a"},
    {DEFAULT("{\"type\":\"text\",\"content\":\"a\",\n\"media_id\":\"a\"}"),
     "4: /rules/0/reply/media_id is nothing that a reply of type text has"},
    {DEFAULT("{\"type\":\"image\",\"media_id\":\"{openid}\"}"),
     "3: /rules/0/reply/media_id is no name"},
    {DEFAULT("{\"type\":\"music\",\"title\":\"a\"}"),
     "3: /rules/0/reply/thumb_media_id is required"},
    {DEFAULT("{\"type\":\"music\",\"thumb_media_id\":\"a\",\"music_url\":\"ftp://a\"}"),
     "3: /rules/0/reply/music_url is no http"},
    {DEFAULT("{\"type\":\"news\"}"), "3: /rules/0/reply/articles is required"},
    {DEFAULT("{\"type\":\"news\",\"articles\":[{\"title\":\"a\",\"url\":\"https://a\"},\n"
             "{\"title\":\"a\",\"url\":\"https://a\"}]}"),
     "4: /rules/0/reply/articles/1 is one too many"},
    {DEFAULT("{\"type\":\"news\",\"articles\":[{\"title\":\"a\"}]}"),
     "3: /rules/0/reply/articles/0/url is required"},
    {DEFAULT("{\"type\":\"card\"}"), "3: /rules/0/reply/type"},
};

static void test_rules_a_wrong_file_is_refused_with_line_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        struct replies_set *set = NULL;
        struct err err = {0};
        const char *told;

        assert_int_equal(replies_set_parse(str_from(WRONG[i].text), "r.json", &set, &err),
                         ST_FATAL);
        assert_null(set);
        assert_string_equal(err.code, "config");
        told = err.text + strlen("r.json:");
        if (strncmp(told, WRONG[i].told, strlen(WRONG[i].told)) != 0)
            fail_msg("%zu: %s, not %s", i, err.text, WRONG[i].told);
    }
}

static const char GOOD[] = "\xEF\xBB\xBF" DEFAULT("{\"type\":\"text\",\"content\":\"a\"}");

static void test_rules_are_reloaded_or_kept(void **state)
{
    struct file f = file_new(GOOD);
    struct replies *r = NULL;
    struct replies_held *before;
    struct replies_held *after;
    struct err err;
    size_t count = 0;

    (void)state;
    assert_int_equal(replies_open(f.path, &r, &err), ST_OK);
    before = replies_acquire(r);
    assert_int_equal(ftruncate(f.fd, 10), 0);
    assert_int_equal(replies_reload(r, &count, &err), ST_REJECT);
    after = replies_acquire(r);
    assert_ptr_equal(after, before);
    replies_release(after);
    assert_int_equal(pwrite(f.fd, GOOD, strlen(GOOD), 0), (ssize_t)strlen(GOOD));
    assert_int_equal(replies_reload(r, &count, &err), ST_OK);
    assert_int_equal(count, 1);
    after = replies_acquire(r);
    assert_ptr_not_equal(after, before);
    replies_close(r);
    assert_string_equal(answer_text(replies_of(before), "x"), "a");
    assert_string_equal(answer_text(replies_of(after), "x"), "a");
    replies_release(before);
    replies_release(after);
    file_done(&f);
}

static void test_rules_survive_short_memory(void **state)
{
    static const char text[] =
        "{\"rules\":["
        "{\"match\":\"keyword\",\"mode\":\"equal\",\"keywords\":[\"é\",\"b\"]," TEXT(
            "1") "},"
                 "{\"match\":\"event\",\"event\":\"subscribe\",\"key\":\"b\"," TEXT(
                     "2") "},"
                          "{\"match\":\"default\"," TEXT("4") "}]}";

    (void)state;
    for (size_t n = 1; n < 2000; n++) {
        struct replies_set *set = NULL;
        struct err err = {0};
        enum status rc;

        mem_fail_at(n, true);
        rc = replies_set_parse(str_from(text), "r.json", &set, &err);
        mem_fail_at(0, false);
        if (rc == ST_OK) {
            replies_set_free(set);
            return;
        }
        assert_null(set);
        assert_string_equal(err.code, "memory");
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_the_first_that_fits_wins),
        cmocka_unit_test(test_rules_events_by_name_and_key),
        cmocka_unit_test(test_rules_fill_in_what_the_push_knows),
        cmocka_unit_test(test_rules_a_reply_of_which_nothing_is_left_is_none),
        cmocka_unit_test(test_rules_a_wrong_file_is_refused_with_line_and_reason),
        cmocka_unit_test(test_rules_are_reloaded_or_kept),
        cmocka_unit_test(test_rules_survive_short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
