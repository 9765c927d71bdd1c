/* SPDX-License-Identifier: Apache-2.0 */
#include "model/cloudevent.h"

#include "tests/unit/check.h"

static const struct cloudevent full = {
    .id = STR_INIT("f9efcbdcb7f929c97d7a7984840ac411"),
    .source = STR_INIT("/wechat/wx0123456789abcdef"),
    .type = STR_INIT("kabao.wechat.user_get_card"),
    .time = STR_INIT("2026-01-02T03:04:05.678Z"),
    .subject = STR_INIT("018255396048"),
    .dataschema = STR_INIT("https://schemas.kabao.example/messages/event.wechat.v1.schema.json"),
    .appid = STR_INIT("wx0123456789abcdef"),
    .traceparent = STR_INIT("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
};

static void assert_same_event(const struct cloudevent *a, const struct cloudevent *b)
{
    assert_true(str_eq(a->id, b->id));
    assert_true(str_eq(a->source, b->source));
    assert_true(str_eq(a->type, b->type));
    assert_true(str_eq(a->time, b->time));
    assert_true(str_eq(a->subject, b->subject));
    assert_true(str_eq(a->dataschema, b->dataschema));
    assert_true(str_eq(a->appid, b->appid));
    assert_true(str_eq(a->traceparent, b->traceparent));
}

static void test_cloudevent_binary_mode_comes_back(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(4096);
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    size_t count = cloudevent_headers(&full, headers);
    struct cloudevent back;
    struct str data;
    struct err err;

    (void)state;
    assert_int_equal(count, 10);
    assert_true(str_eq(header_find(headers, count, STR("content-type")), STR("application/json")));
    assert_true(str_eq(header_find(headers, count, STR("ce_specversion")), STR("1.0")));
    assert_int_equal(cloudevent_read(headers, count, STR("{\"a\":1}"), &arena, &back, &data, &err),
                     ST_OK);
    assert_same_event(&back, &full);
    assert_true(str_eq(data, STR("{\"a\":1}")));
}

static void test_cloudevent_leaves_absent_attributes_out(void **state)
{
    struct header headers[CLOUDEVENT_HEADERS_MAX];
    struct cloudevent least = {.id = full.id, .source = full.source, .type = full.type};

    (void)state;
    assert_int_equal(cloudevent_headers(&least, headers), 5);
}

static enum status read_structured(const char *content_type, const char *text, struct arena *arena,
                                   struct cloudevent *e, struct str *data)
{
    const struct header header = {STR("Content-Type"), str_from(content_type)};
    struct err err = {0};
    enum status rc = cloudevent_read(&header, 1, str_from(text), arena, e, data, &err);

    if (rc == ST_REJECT)
        assert_int_equal(err.reason, REASON_MALFORMED);
    return rc;
}

static const char structured[] =
    "{\"specversion\":\"1.0\",\"id\":\"f9efcbdcb7f929c97d7a7984840ac411\","
    "\"source\":\"/wechat/wx0123456789abcdef\",\"type\":\"kabao.wechat.user_get_card\","
    "\"time\":\"2026-01-02T03:04:05.678Z\",\"subject\":\"018255396048\","
    "\"dataschema\":\"https://schemas.kabao.example/messages/event.wechat.v1.schema.json\","
    "\"appid\":\"wx0123456789abcdef\","
    "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\","
    "\"data\":{\"text\":\"会员/\",\"n\":1.50}}";

static void test_cloudevent_reads_structured_mode(void **state)
{
    static const char *const types[] = {
        "application/cloudevents+json",
        "Application/CloudEvents+JSON; charset=utf-8",
        "application/cloudevents",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
        struct cloudevent back;
        struct str data;

        assert_int_equal(read_structured(types[i], structured, &arena, &back, &data), ST_OK);
        assert_same_event(&back, &full);
        assert_true(str_eq(data, STR("{\"text\":\"会员/\",\"n\":1.50}")));
    }
}

static void test_cloudevent_reads_base64_data(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
    struct cloudevent back;
    struct str data;

    (void)state;
    assert_int_equal(
        read_structured("application/cloudevents+json",
                        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","
                        "\"data_base64\":\"eyJhIjoxfQ==\"}",
                        &arena, &back, &data),
        ST_OK);
    assert_true(str_eq(data, STR("{\"a\":1}")));
}

static void test_cloudevent_prefers_the_transports_trace(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
    const struct header headers[] = {
        {STR("content-type"), STR("application/cloudevents+json")},
        {STR("traceparent"), STR("00-11111111111111111111111111111111-2222222222222222-01")},
    };
    struct cloudevent back;
    struct str data;
    struct err err;

    (void)state;
    assert_int_equal(cloudevent_read(headers, 2, str_from(structured), &arena, &back, &data, &err),
                     ST_OK);
    assert_true(str_eq(back.traceparent, headers[1].value));
}

static void test_cloudevent_refuses_broken_structured_bodies(void **state)
{
    static const struct {
        const char *content_type;
        const char *body;
    } cases[] = {
        {"application/cloudevents+json", ""},
        {"application/cloudevents+json", "[]"},
        {"application/cloudevents+json", "{\"specversion\":\"1.0\",\"id\":\"1\""},
        {"application/cloudevents+json",
         "{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\"}"},
        {"application/cloudevents+json",
         "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"/s\",\"type\":\"t\"}"},
        {"application/cloudevents+json",
         "{\"specversion\":\"1.0\",\"id\":7,\"source\":\"/s\",\"type\":\"t\"}"},
        {"application/cloudevents+json",
         "{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}"},
        {"application/cloudevents+json",
         "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","
         "\"data_base64\":\"%%\"}"},
        {"application/cloudevents-batch+json", "[]"},
        {"application/cloudevents+avro", "{}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(65536);
        struct cloudevent e;
        struct str data;

        if (read_structured(cases[i].content_type, cases[i].body, &arena, &e, &data) != ST_REJECT)
            fail_msg("accepted: %s %s", cases[i].content_type, cases[i].body);
    }
}

static void test_cloudevent_refuses_incomplete_headers(void **state)
{
    static const struct {
        const char *name;
        const char *value;
    } changes[] = {
        {"ce_id", NULL},
        {"ce_source", NULL},
        {"ce_type", NULL},
        {"ce_specversion", NULL},
        {"ce_id", ""},
        {"ce_type", "\xff"},
        {"ce_specversion", "0.3"},
        {"ce_specversion", "1.1"},
        {"ce_subject", "\xc3"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(4096);
        struct header headers[CLOUDEVENT_HEADERS_MAX];
        size_t count = cloudevent_headers(&full, headers);
        struct cloudevent e = {.id = STR("before")};
        struct str data;
        struct err err;

        for (size_t k = 0; k < count; k++)
            if (str_eq_cstr(headers[k].name, changes[i].name))
                headers[k].value = str_from(changes[i].value);
        assert_int_equal(cloudevent_read(headers, count, STR("{}"), &arena, &e, &data, &err),
                         ST_REJECT);
        assert_int_equal(err.reason, REASON_MALFORMED);
        assert_true(str_eq(e.id, STR("before")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cloudevent_binary_mode_comes_back),
        cmocka_unit_test(test_cloudevent_leaves_absent_attributes_out),
        cmocka_unit_test(test_cloudevent_reads_structured_mode),
        cmocka_unit_test(test_cloudevent_reads_base64_data),
        cmocka_unit_test(test_cloudevent_prefers_the_transports_trace),
        cmocka_unit_test(test_cloudevent_refuses_broken_structured_bodies),
        cmocka_unit_test(test_cloudevent_refuses_incomplete_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
