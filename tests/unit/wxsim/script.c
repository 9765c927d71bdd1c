/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule takes which call, how often, and what scripts are refused. */
#include "wxsim/script.h"

#include "tests/unit/check.h"

static enum status load(struct sim_script *script, const char *text)
{
    struct json *document = NULL;
    struct err err;

    assert_int_equal(json_parse(str_from(text), &document, &err), ST_OK);
    return sim_script_load(script, document, &err);
}

struct pick {
    const char *path;
    const char *appid;
    const char *query;
    const char *body;
};

static struct sim_action pick(struct sim_script *script, const struct pick *call)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
    AUTO(json_freep) struct json *body = NULL;
    struct err err;

    if (call->body != NULL)
        assert_int_equal(json_parse(str_from(call->body), &body, &err), ST_OK);
    return sim_script_pick(script, &(struct sim_subject){.path = str_from(call->path),
                                                         .appid = str_from(call->appid),
                                                         .query = str_from(call->query),
                                                         .body = body,
                                                         .arena = &arena});
}

static int errcode(struct sim_script *script, const char *path)
{
    return pick(script, &(struct pick){.path = path}).errcode;
}

static void test_script_first_match_wins(void **unused)
{
    AUTO(sim_script_done) struct sim_script script = {.count = 0};

    (void)unused;
    assert_int_equal(load(&script, "[{\"path\":\"/card/code/get\",\"do\":{\"errcode\":1}},"
                                   "{\"path\":\"/card/*\",\"do\":{\"errcode\":2}}]"),
                     ST_OK);
    assert_int_equal(errcode(&script, "/card/code/get"), 1);
    assert_int_equal(errcode(&script, "/card/code/consume"), 2);
    assert_int_equal(pick(&script, &(struct pick){.path = "/cgi-bin/token"}).fault, SIM_NO_FAULT);
}

static void test_script_times_and_after_count_matches(void **unused)
{
    AUTO(sim_script_done) struct sim_script script = {.count = 0};

    (void)unused;
    assert_int_equal(
        load(&script, "[{\"path\":\"/a\",\"after\":1,\"times\":2,\"do\":{\"errcode\":7}}]"), ST_OK);
    assert_int_equal(errcode(&script, "/a"), 0);
    assert_int_equal(errcode(&script, "/b"), 0);
    assert_int_equal(errcode(&script, "/a"), 7);
    assert_int_equal(errcode(&script, "/a"), 7);
    assert_int_equal(errcode(&script, "/a"), 0);
}

static void test_script_matches_fields_of_body_query_and_account(void **unused)
{
    AUTO(sim_script_done) struct sim_script script = {.count = 0};
    const struct pick good = {"/a", "wx1", "type=jsapi&x=1", "{\"n\":{\"code\":\"1\"},\"k\":2}"};
    const struct pick bad[] = {
        {"/a", "wx2", good.query, good.body},
        {"/a", NULL, good.query, good.body},
        {"/a", "wx1", "type=wx_card", good.body},
        {"/a", "wx1", NULL, good.body},
        {"/a", "wx1", good.query, "{\"n\":{\"code\":\"2\"},\"k\":2}"},
        {"/a", "wx1", good.query, "{\"n\":{\"code\":1},\"k\":2}"},
        {"/a", "wx1", good.query, NULL},
    };

    (void)unused;
    assert_int_equal(load(&script,
                          "[{\"path\":\"/a\",\"appid\":\"wx1\",\"match\":{\"n.code\":\"1\","
                          "\"type\":\"jsapi\",\"k\":2},\"do\":{\"errcode\":9}}]"),
                     ST_OK);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(pick(&script, &bad[i]).errcode, 0);
    assert_int_equal(pick(&script, &good).errcode, 9);
}

static void test_script_probability_repeats_with_its_seed(void **unused)
{
    int hits[2] = {0, 0};

    (void)unused;
    for (int run = 0; run < 2; run++) {
        AUTO(sim_script_done) struct sim_script script = {.chance = chance_seeded(42)};

        assert_int_equal(
            load(&script, "[{\"path\":\"/a\",\"probability\":0.25,\"do\":{\"errcode\":1}}]"),
            ST_OK);
        for (int i = 0; i < 1000; i++)
            hits[run] += errcode(&script, "/a");
    }
    assert_int_equal(hits[0], hits[1]);
    assert_in_range(hits[0], 200, 300);
}

static void test_script_faults_know_whether_the_call_is_carried_out(void **unused)
{
    static const struct {
        const char *action;
        enum sim_fault fault;
        bool effect;
    } rows[] = {
        {"{\"errcode\":45011}", SIM_ERRCODE, false},
        {"{\"delay_ms\":5}", SIM_NO_FAULT, false},
        {"{\"hang\":true}", SIM_HANG, false},
        {"{\"hang\":true,\"effect\":true}", SIM_HANG, true},
        {"{\"cut\":\"before\"}", SIM_CUT, false},
        {"{\"cut\":\"after\",\"delay_ms\":5}", SIM_CUT, true},
        {"{\"status\":502}", SIM_STATUS, false},
        {"{\"status\":502,\"effect\":true}", SIM_STATUS, true},
        {"{\"truncate\":true}", SIM_TRUNCATE, true},
        {"{\"garbage\":true,\"effect\":false}", SIM_GARBAGE, false},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(sim_script_done) struct sim_script script = {.count = 0};
        AUTO(buf_done) struct buf text = BUF_INIT(256);
        struct sim_action action;

        buf_addf(&text, "[{\"path\":\"/a\",\"do\":%s}]", rows[i].action);
        assert_int_equal(load(&script, text.ptr), ST_OK);
        action = pick(&script, &(struct pick){.path = "/a"});
        assert_int_equal(action.fault, rows[i].fault);
        assert_int_equal(action.effect, rows[i].effect);
    }
}

static void test_script_refuses_and_keeps_the_old_one(void **unused)
{
    static const char *const bad[] = {
        "{}",
        "[1]",
        "[{\"do\":{\"errcode\":1}}]",
        "[{\"path\":\"a\",\"do\":{\"errcode\":1}}]",
        "[{\"path\":\"/a\"}]",
        "[{\"path\":\"/a\",\"do\":{}}]",
        "[{\"path\":\"/a\",\"do\":{\"errcode\":\"x\"}}]",
        "[{\"path\":\"/a\",\"do\":{\"errcode\":1,\"hang\":true}}]",
        "[{\"path\":\"/a\",\"do\":{\"hang\":false}}]",
        "[{\"path\":\"/a\",\"do\":{\"cut\":\"during\"}}]",
        "[{\"path\":\"/a\",\"do\":{\"status\":99}}]",
        "[{\"path\":\"/a\",\"do\":{\"explode\":true}}]",
        "[{\"path\":\"/a\",\"do\":{\"delay_ms\":-1}}]",
        "[{\"path\":\"/a\",\"tiems\":1,\"do\":{\"errcode\":1}}]",
        "[{\"path\":\"/a\",\"times\":0,\"do\":{\"errcode\":1}}]",
        "[{\"path\":\"/a\",\"after\":-1,\"do\":{\"errcode\":1}}]",
        "[{\"path\":\"/a\",\"probability\":1.5,\"do\":{\"errcode\":1}}]",
        "[{\"path\":\"/a\",\"match\":[],\"do\":{\"errcode\":1}}]",
    };
    AUTO(sim_script_done) struct sim_script script = {.count = 0};

    (void)unused;
    assert_int_equal(load(&script, "[{\"path\":\"/a\",\"do\":{\"errcode\":3}}]"), ST_OK);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(load(&script, bad[i]), ST_REJECT);
    assert_int_equal(errcode(&script, "/a"), 3);
    assert_int_equal(load(&script, "null"), ST_OK);
    assert_int_equal(errcode(&script, "/a"), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_script_first_match_wins),
        cmocka_unit_test(test_script_times_and_after_count_matches),
        cmocka_unit_test(test_script_matches_fields_of_body_query_and_account),
        cmocka_unit_test(test_script_probability_repeats_with_its_seed),
        cmocka_unit_test(test_script_faults_know_whether_the_call_is_carried_out),
        cmocka_unit_test(test_script_refuses_and_keeps_the_old_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
