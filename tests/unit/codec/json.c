/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include "base/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static struct json *parsed(const char *text)
{
    struct json *document = NULL;
    struct err err;

    if (json_parse(str_from(text), &document, &err) != ST_OK)
        fail_msg("%s: %s", text, err.text);
    return document;
}

static void test_json_formats_what_it_parsed(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {" {\"a\" : [ 1 , -2.50e+3, true,false,null ] }\r\n",
         "{\"a\":[1,-2.50e+3,true,false,null]}"},
        {"\"\\u4f1a\\u5458/\\/\"", "\"会员//\""},
        {"\"\\ud83d\\ude00 \\u0001 \\u0000\"", "\"😀 \\u0001 \\u0000\""},
        {"9223372036854775808", "9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"1.10", "1.10"},
        {"true", "true"},
        {"null", "null"},
        {"[]", "[]"},
        {"{\"\":{}}", "{\"\":{}}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(json_freep) struct json *document = parsed(cases[i].in);
        AUTO(buf_done) struct buf out = BUF_INIT(256);

        json_format(document, &out);
        assert_string_equal(out.ptr, cases[i].out);
    }
}

static const char *const not_json[] = {
    "",
    "  ",
    "{",
    "[1",
    "}",
    "[1}",
    "{\"a\"}",
    "{\"a\":}",
    "{a:1}",
    "{'a':1}",
    "[1,]",
    "[,1]",
    "{\"a\":1,}",
    "[1 2]",
    "[1]x",
    "[1][2]",
    "{}{}",
    "1 2",
    "[1]//c",
    "/**/1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-",
    "+1",
    "1e",
    "1e+",
    "0x10",
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "True",
    "nul",
    "nulll",
    "truefalse",
    "\"",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"a\nb\"",
    "\"\x01\"",
    "\"\xff\"",
    "\xEF\xBB\xBF{}",
    "[\"\xed\xa0\x80\"]",
    "99999999999999999999",
    "-9223372036854775809",
    "18446744073709551616",
};

static void test_json_refuses_what_is_not_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(not_json); i++) {
        struct json *document = NULL;
        struct err err = {0};

        if (json_parse(str_from(not_json[i]), &document, &err) != ST_REJECT)
            fail_msg("case %zu was taken: %s", i, not_json[i]);
        assert_int_equal(err.reason, REASON_MALFORMED);
        assert_string_equal(err.code, "json");
        assert_null(document);
    }
}

static void test_json_refuses_nul_bytes(void **state)
{
    struct json *document = NULL;
    struct err err;

    (void)state;
    assert_int_equal(json_parse(STR("{}\0"), &document, &err), ST_REJECT);
    assert_int_equal(json_parse(STR("\0"), &document, &err), ST_REJECT);
    assert_int_equal(json_parse(STR("\"a\0b\""), &document, &err), ST_REJECT);
    assert_int_equal(json_parse(str_from(NULL), &document, &err), ST_REJECT);
    assert_int_equal(json_parse(STR("{\"a\\u0000b\":1}"), &document, &err), ST_REJECT);
}

static void test_json_names_the_place(void **state)
{
    struct json *document = NULL;
    struct err err;

    (void)state;
    assert_int_equal(json_parse(STR("{\"a\": 01}"), &document, &err), ST_REJECT);
    assert_string_equal(err.text, "JSON: number with a leading zero at byte 8");
}

static void test_json_refuses_a_key_given_twice(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"b\":{\"c\":1,\"c\":1}}",
        "[{\"a\":1,\"\\u0061\":2}]",
    };
    struct json *document = NULL;
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(json_parse(str_from(texts[i]), &document, &err), ST_REJECT);
    json_free(parsed("{\"a\":{\"a\":[{\"a\":\"b:c\"},{\"a\":1}]}}"));
}

static void test_json_bounds_depth(void **state)
{
    char text[2 * (JSON_DEPTH_MAX + 1) + 1] = "";
    struct json *document = NULL;
    struct err err;

    (void)state;
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    json_free(parsed(text));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_int_equal(json_parse(str_from(text), &document, &err), ST_REJECT);
}

static void test_json_reads_members_leniently(void **state)
{
    AUTO(json_freep)
    struct json *o = parsed("{\"i\":42,\"s\":\"42\",\"f\":42.9,\"n\":null,\"big\":"
                            "9223372036854775808,"
                            "\"huge\":1e400,\"t\":true,\"z\":\"0\",\"x\":\"4x\",\"neg\":-1.5}");
    int64_t number = 7;
    double fraction = 0;
    bool flag = false;

    (void)state;
    assert_true(json_get_i64(o, "i", &number) && number == 42);
    assert_true(json_get_i64(o, "s", &number) && number == 42);
    assert_true(json_get_i64(o, "f", &number) && number == 42);
    assert_true(json_get_i64(o, "neg", &number) && number == -1);
    number = 7;
    assert_false(json_get_i64(o, "n", &number));
    assert_false(json_get_i64(o, "absent", &number));
    assert_false(json_get_i64(o, "big", &number));
    assert_false(json_get_i64(o, "huge", &number));
    assert_false(json_get_i64(o, "x", &number));
    assert_false(json_get_i64(o, "t", &number));
    assert_int_equal(number, 7);
    assert_true(json_double(json_get(o, "big"), &fraction) && fraction == 9223372036854775808.0);
    assert_true(json_double(json_get(o, "s"), &fraction) && fraction == 42.0);
    assert_false(json_double(json_get(o, "huge"), &fraction));
    assert_true(json_bool(json_get(o, "t"), &flag) && flag);
    assert_true(json_bool(json_get(o, "z"), &flag) && !flag);
    assert_false(json_bool(json_get(o, "i"), &flag));
    assert_int_equal(json_type(json_get(o, "big")), JSON_DOUBLE);
}

static void test_json_knows_whole_numbers(void **state)
{
    AUTO(json_freep)
    struct json *a =
        parsed("[1,1.0,-2e3,1e300,18446744073709551615,1.5,1e-1,\"1\",true,null,1e400]");

    (void)state;
    for (size_t i = 0; i < json_len(a); i++)
        assert_int_equal(json_is_whole(json_at(a, i)), i < 5);
}

static void test_json_null_reads_as_absent_but_is_there(void **state)
{
    AUTO(json_freep) struct json *o = parsed("{\"n\":null}");

    (void)state;
    assert_null(json_get(o, "n"));
    assert_true(json_has(o, "n"));
    assert_false(json_has(o, "m"));
    assert_false(json_has(NULL, "m"));
    assert_true(json_is(NULL, JSON_NULL));
    assert_false(str_is_set(json_str(NULL)));
    assert_null(json_get(NULL, "x"));
    assert_null(json_at(NULL, 0));
    assert_null(json_at(o, 0));
    assert_int_equal(json_len(NULL), 0);
    json_free(NULL);
}

static void test_json_walks_in_document_order(void **state)
{
    AUTO(json_freep)
    struct json *o = parsed("{\"z\":1,\"a\":null,\"m\":[10,20]}");
    char keys[4] = "";
    size_t count = 0;

    (void)state;
    for (struct json_iter i = json_iter(o); json_next(&i);)
        keys[count++] = i.key.ptr[0];
    assert_string_equal(keys, "zam");
    assert_int_equal(json_len(o), 3);
    assert_int_equal(json_len(json_get(o, "m")), 2);
    assert_null(json_at(json_get(o, "m"), 2));
}

static void test_json_compares_by_value(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } cases[] = {
        {"1", "1.0", true},
        {"1", "10e-1", true},
        {"0", "-0.0", true},
        {"1", "true", false},
        {"0", "null", false},
        {"1", "\"1\"", false},
        {"9007199254740993", "9007199254740992.0", false},
        {"9223372036854775807", "9223372036854775808", false},
        {"18446744073709551615", "18446744073709551614", false},
        {"{\"a\":1,\"b\":[1,2]}", "{\"b\":[1.0,2],\"a\":1}", true},
        {"{\"a\":null}", "{\"b\":null}", false},
        {"{\"a\":null}", "{}", false},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,1]", false},
        {"\"a\\u0000b\"", "\"a\\u0000c\"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(json_freep) struct json *a = parsed(cases[i].a);
        AUTO(json_freep) struct json *b = parsed(cases[i].b);

        if (json_equal(a, b) != cases[i].equal || json_equal(b, a) != cases[i].equal)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
}

static void test_json_format_fails_the_buffer_beyond_its_ceiling(void **state)
{
    AUTO(json_freep) struct json *document = parsed("[1,2,3,4,5,6,7,8,9]");
    AUTO(buf_done) struct buf out = BUF_INIT(8);

    (void)state;
    json_format(document, &out);
    assert_false(buf_ok(&out));
}

static void test_json_format_survives_want_of_memory(void **state)
{
    AUTO(json_freep) struct json *document = parsed("{\"a\":[1,2,3]}");
    bool done = false;

    (void)state;
    for (size_t nth = 1; !done; nth++) {
        AUTO(buf_done) struct buf out = BUF_INIT(64);

        mem_fail_at(nth, false);
        json_format(document, &out);
        mem_fail_at(0, false);
        done = buf_ok(&out);
        assert_true(nth < 20);
    }
}

static void test_json_holds_so_many_containers(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
    struct json *document = NULL;
    struct err err;

    (void)state;
    buf_add_cstr(&text, "[0");
    for (int i = 0; i < 65535; i++)
        buf_add_cstr(&text, ",{}");
    buf_add_char(&text, ']');
    assert_int_equal(json_parse(buf_str(&text), &document, &err), ST_OK);
    json_free(document);
    document = NULL;
    text.len--;
    buf_add_cstr(&text, ",{}]");
    assert_int_equal(json_parse(buf_str(&text), &document, &err), ST_REJECT);
    assert_null(document);
}

static void test_json_takes_a_text(void **state)
{
    AUTO(json_freep) struct json *document = parsed("{\"a\":1,\"b\":2}");
    AUTO(buf_done) struct buf out = BUF_INIT(256);

    (void)state;
    assert_true(json_set_str(document, "a", STR("x\"y")));
    assert_true(json_set_str(document, "c", STR("")));
    json_format(document, &out);
    assert_string_equal(out.ptr, "{\"a\":\"x\\\"y\",\"b\":2,\"c\":\"\"}");
    assert_false(json_set_str(json_get(document, "b"), "d", STR("")));
    assert_false(json_set_str(NULL, "d", STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_formats_what_it_parsed),
        cmocka_unit_test(test_json_refuses_what_is_not_json),
        cmocka_unit_test(test_json_refuses_nul_bytes),
        cmocka_unit_test(test_json_holds_so_many_containers),
        cmocka_unit_test(test_json_takes_a_text),
        cmocka_unit_test(test_json_names_the_place),
        cmocka_unit_test(test_json_refuses_a_key_given_twice),
        cmocka_unit_test(test_json_bounds_depth),
        cmocka_unit_test(test_json_reads_members_leniently),
        cmocka_unit_test(test_json_knows_whole_numbers),
        cmocka_unit_test(test_json_null_reads_as_absent_but_is_there),
        cmocka_unit_test(test_json_walks_in_document_order),
        cmocka_unit_test(test_json_compares_by_value),
        cmocka_unit_test(test_json_format_fails_the_buffer_beyond_its_ceiling),
        cmocka_unit_test(test_json_format_survives_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
