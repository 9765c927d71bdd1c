/* SPDX-License-Identifier: Apache-2.0 */
#include "model/field.h"

#include "base/mem.h"
#include "tests/unit/check.h"

struct sample {
    struct str text;
    struct opt_i64 number;
    struct opt_bool flag;
    struct field_json tree;
};

static const struct field sample_fields[] = {
    FIELD(sample, STR, text, true),
    FIELD(sample, I64, number, false),
    FIELD(sample, BOOL, flag, false),
    FIELD(sample, JSON, tree, false),
};

static enum status parse(const char *text, struct json **document, struct sample *out,
                         struct err *err)
{
    assert_int_equal(json_parse(str_from(text), document, err), ST_OK);
    return field_parse(sample_fields, COUNT_OF(sample_fields), *document, out, err);
}

static void write(const struct sample *sample, struct buf *out)
{
    field_write_object(sample_fields, COUNT_OF(sample_fields), sample, out);
}

static void test_field_keeps_what_it_parsed(void **state)
{
    static const char *const texts[] = {
        "{\"text\":\"\"}",
        ("{\"text\":\"a \\\"b\\\" 会员\",\"number\":-9223372036854775808,\"flag\":false,"
         "\"tree\":{\"a\":[1,{\"b\":null}]}}"),
        "{\"text\":\"x\",\"number\":0,\"flag\":true,\"tree\":[]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        AUTO(json_freep) struct json *document = NULL;
        AUTO(buf_done) struct buf out = BUF_INIT(1024);
        struct sample sample;
        struct err err;

        assert_int_equal(parse(texts[i], &document, &sample, &err), ST_OK);
        write(&sample, &out);
        assert_string_equal(out.ptr, texts[i]);
    }
}

static void test_field_reads_null_as_absent_and_ignores_strangers(void **state)
{
    AUTO(json_freep) struct json *document = NULL;
    AUTO(buf_done) struct buf out = BUF_INIT(1024);
    struct sample sample;
    struct err err;

    (void)state;
    assert_int_equal(parse("{\"tree\":null,\"number\":null,\"flag\":null,\"text\":\"x\",\"new\":1}",
                           &document, &sample, &err),
                     ST_OK);
    write(&sample, &out);
    assert_string_equal(out.ptr, "{\"text\":\"x\"}");
}

static void test_field_takes_whole_fractions_for_integers_only(void **state)
{
    AUTO(json_freep) struct json *whole = NULL;
    AUTO(json_freep) struct json *broken = NULL;
    struct sample sample;
    struct err err;

    (void)state;
    assert_int_equal(parse("{\"text\":\"x\",\"number\":100.0}", &whole, &sample, &err), ST_OK);
    assert_int_equal(sample.number.value, 100);
    assert_int_equal(parse("{\"text\":\"x\",\"number\":1.5}", &broken, &sample, &err), ST_REJECT);
    assert_string_equal(err.text, "/number must be an integer");
}

static void test_field_refuses_wrong_types_by_name(void **state)
{
    static const struct {
        const char *in;
        const char *text;
    } cases[] = {
        {"{}", "/text is required"},
        {"{\"text\":null}", "/text is required"},
        {"{\"text\":1}", "/text must be a string"},
        {"{\"text\":\"x\",\"number\":\"1\"}", "/number must be an integer"},
        {"{\"text\":\"x\",\"number\":18446744073709551615}", "/number must be an integer"},
        {"{\"text\":\"x\",\"number\":1e300}", "/number must be an integer"},
        {"{\"text\":\"x\",\"flag\":1}", "/flag must be true or false"},
        {"{\"text\":\"x\",\"tree\":\"{}\"}", "/tree must be an object or array"},
        {"[]", "the value is not an object"},
        {"\"text\"", "the value is not an object"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(json_freep) struct json *document = NULL;
        struct sample sample = {.text = STR("before")};
        struct err err;

        assert_int_equal(parse(cases[i].in, &document, &sample, &err), ST_REJECT);
        assert_int_equal(err.reason, REASON_SCHEMA);
        assert_string_equal(err.text, cases[i].text);
        assert_true(str_eq(sample.text, STR("before")));
    }
}

static void test_field_writes_text_before_tree(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(1024);
    struct sample sample = {.text = STR("x"), .tree = {.text = STR("{\"given\":true}")}};

    (void)state;
    write(&sample, &out);
    assert_string_equal(out.ptr, "{\"text\":\"x\",\"tree\":{\"given\":true}}");
}

static void test_field_shows_short_memory_in_the_buffer(void **state)
{
    AUTO(json_freep) struct json *document = NULL;
    struct sample sample;
    struct err err;
    bool ok = false;

    (void)state;
    assert_int_equal(parse("{\"text\":\"x\",\"tree\":{\"a\":[1,2,3]}}", &document, &sample, &err),
                     ST_OK);
    for (size_t nth = 1; !ok; nth++) {
        AUTO(buf_done) struct buf out = BUF_INIT(1024);

        assert_true(nth < 100);
        mem_fail_at(nth, false);
        write(&sample, &out);
        mem_fail_at(0, false);
        ok = buf_ok(&out);
        if (ok)
            assert_string_equal(out.ptr, "{\"text\":\"x\",\"tree\":{\"a\":[1,2,3]}}");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_field_keeps_what_it_parsed),
        cmocka_unit_test(test_field_reads_null_as_absent_and_ignores_strangers),
        cmocka_unit_test(test_field_takes_whole_fractions_for_integers_only),
        cmocka_unit_test(test_field_refuses_wrong_types_by_name),
        cmocka_unit_test(test_field_writes_text_before_tree),
        cmocka_unit_test(test_field_shows_short_memory_in_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
