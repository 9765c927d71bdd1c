/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/jsonw.h"

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "codec/json.h"
#include "tests/unit/check.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void write_sample(struct jsonw *w)
{
    jsonw_object(w);
    jsonw_key_str(w, "name", STR("会员 \"A\"/\\"));
    jsonw_key_str(w, "absent", str_from(NULL));
    jsonw_key_str(w, "empty", STR(""));
    jsonw_key_i64(w, "low", INT64_MIN);
    jsonw_key_bool(w, "yes", true);
    jsonw_key(w, STR("list"));
    jsonw_array(w);
    jsonw_null(w);
    jsonw_object(w);
    jsonw_object_end(w);
    jsonw_array(w);
    jsonw_array_end(w);
    jsonw_double(w, 0.1);
    jsonw_raw(w, STR("{\"x\":1}"));
    jsonw_str(w, str_from(NULL));
    jsonw_array_end(w);
    jsonw_key_bool(w, "no", false);
    jsonw_object_end(w);
}

static const char sample_text[] =
    "{\"name\":\"会员 "
    "\\\"A\\\"/\\\\\",\"empty\":\"\",\"low\":-9223372036854775808,\"yes\":true,"
    "\"list\":[null,{},[],0.1,{\"x\":1},null],\"no\":false}";

static void test_jsonw_places_commas_and_escapes(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(1024);
    struct jsonw w = {.out = &out};

    (void)state;
    write_sample(&w);
    assert_true(buf_ok(&out));
    assert_string_equal(out.ptr, sample_text);
}

static void test_jsonw_escapes_so_that_every_byte_reads_back(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(4096);
    struct jsonw w = {.out = &out};
    AUTO(json_freep) struct json *document = NULL;
    struct err err;
    char all[128];

    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    jsonw_str(&w, str_of(all, sizeof(all)));
    assert_true(str_find(buf_str(&out), STR("\\u0000\\u0001"), &(size_t){0}));
    assert_true(str_find(buf_str(&out), STR("\\b\\t\\n\\u000b\\f\\r"), &(size_t){0}));
    assert_int_equal(json_parse(buf_str(&out), &document, &err), ST_OK);
    assert_true(str_eq(json_str(document), str_of(all, sizeof(all))));
}

static void test_jsonw_finds_an_escape_at_every_place(void **state)
{
    static const char bytes[] = {'"', '\\', '\0', '\x1f', '\n'};
    AUTO(buf_done) struct buf out = BUF_INIT(256);

    (void)state;
    for (size_t i = 0; i < sizeof(bytes) * 24; i++) {
        AUTO(json_freep) struct json *document = NULL;
        struct jsonw w = {.out = &out};
        char text[24];
        struct err err;

        memset(text, '\xC3', sizeof(text));
        for (size_t at = 1; at < sizeof(text); at += 2)
            text[at] = '\xA0';
        if (i / sizeof(bytes) % 2 == 0)
            text[(i / sizeof(bytes)) + 1] = ' ';
        else
            text[(i / sizeof(bytes)) - 1] = ' ';
        text[i / sizeof(bytes)] = bytes[i % sizeof(bytes)];
        buf_clear(&out);
        jsonw_str(&w, str_of(text, sizeof(text)));
        assert_int_equal(json_parse(buf_str(&out), &document, &err), ST_OK);
        assert_true(str_eq(json_str(document), str_of(text, sizeof(text))));
    }
}

static void test_jsonw_escapes_keys(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(64);
    struct jsonw w = {.out = &out};

    (void)state;
    jsonw_object(&w);
    jsonw_key(&w, STR("a\"\n"));
    jsonw_null(&w);
    jsonw_object_end(&w);
    assert_string_equal(out.ptr, "{\"a\\\"\\n\":null}");
}

static void test_jsonw_writes_doubles_that_read_back(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1.5, "1.5"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {1e300, "1e+300"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {HUGE_VAL, "null"},
        {-HUGE_VAL, "null"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf_done) struct buf out = BUF_INIT(64);
        struct jsonw w = {.out = &out};

        jsonw_double(&w, cases[i].value);
        assert_string_equal(out.ptr, cases[i].text);
    }
}

static void test_jsonw_fails_the_buffer_when_nested_too_deep(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(1024);
    struct jsonw w = {.out = &out};

    (void)state;
    for (int i = 0; i < JSONW_DEPTH_MAX; i++)
        jsonw_array(&w);
    assert_true(buf_ok(&out));
    for (int i = 0; i < 3; i++) {
        jsonw_array(&w);
        jsonw_i64(&w, 1);
        jsonw_i64(&w, 2);
    }
    assert_false(buf_ok(&out));
    for (int i = 0; i < JSONW_DEPTH_MAX + 3; i++)
        jsonw_array_end(&w);
    assert_int_equal(w.depth, 0);
    assert_false(buf_ok(&out));
}

static void test_jsonw_survives_want_of_memory(void **state)
{
    bool done = false;

    (void)state;
    for (size_t nth = 1; !done; nth++) {
        AUTO(buf_done) struct buf out = BUF_INIT(1024);
        struct jsonw w = {.out = &out};

        mem_fail_at(nth, false);
        write_sample(&w);
        mem_fail_at(0, false);
        done = buf_ok(&out);
        if (done)
            assert_string_equal(out.ptr, sample_text);
        assert_true(nth < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jsonw_places_commas_and_escapes),
        cmocka_unit_test(test_jsonw_escapes_so_that_every_byte_reads_back),
        cmocka_unit_test(test_jsonw_finds_an_escape_at_every_place),
        cmocka_unit_test(test_jsonw_escapes_keys),
        cmocka_unit_test(test_jsonw_writes_doubles_that_read_back),
        cmocka_unit_test(test_jsonw_fails_the_buffer_when_nested_too_deep),
        cmocka_unit_test(test_jsonw_survives_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
