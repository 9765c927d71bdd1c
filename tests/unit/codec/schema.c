/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/schema.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/utf8.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static struct schema *compiled(const char *text)
{
    struct schema *schema = NULL;
    struct err err;

    if (schema_compile(str_from(text), &schema, &err) != ST_OK)
        fail_msg("%s: %s", err.text, text);
    return schema;
}

static enum status check(const char *schema_text, const char *text, struct schema_fault *fault)
{
    AUTO(schema_freep) struct schema *schema = compiled(schema_text);
    AUTO(json_freep) struct json *instance = NULL;
    struct err err;

    assert_int_equal(json_parse(str_from(text), &instance, &err), ST_OK);
    return schema_check(schema, instance, fault, &err);
}

static void accept(const char *schema_text, const char *text)
{
    struct schema_fault fault = {.pointer = "-", .detail = "-"};

    if (check(schema_text, text, &fault) != ST_OK)
        fail_msg("%s: \"%s\" %s", text, fault.pointer, fault.detail);
    assert_string_equal(fault.detail, "-");
}

static void refuse(const char *schema_text, const char *text, const char *pointer,
                   const char *detail)
{
    struct schema_fault fault;

    assert_int_equal(check(schema_text, text, &fault), ST_REJECT);
    assert_string_equal(fault.detail, detail);
    assert_string_equal(fault.pointer, pointer);
}

static void test_schema_says_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *schema;
        const char *text;
        const char *pointer;
        const char *detail;
    } cases[] = {
        {"{\"type\":\"string\"}", "1", "", "must be string"},
        {"{\"type\":[\"null\",\"integer\"]}", "1.5", "", "must be null or integer"},
        {"{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", "/b", "is required"},
        {"{\"enum\":[\"set\",\"add\"]}", "\"x\"", "", "must be one of set, add"},
        {"{\"enum\":[\"set\",1]}", "\"x\"", "", "is not one of the allowed values"},
        {"{\"const\":true}", "1", "", "is not the one allowed value"},
        {"{\"const\":\"yes\"}", "\"no\"", "", "must be yes"},
        {"{\"minimum\":-3}", "-4", "", "must be at least -3"},
        {"{\"maximum\":1.5}", "1.6", "", "must be at most 1.5"},
        {"{\"maximum\":1}", "1e400", "", "is out of range"},
        {"{\"maximum\":9223372036854775806}", "9223372036854775807", "",
         "must be at most 9223372036854775806"},
        {"{\"minLength\":2}", "\"会\"", "", "must be at least 2 characters"},
        {"{\"maxLength\":2}", "\"会员卡\"", "", "must be at most 2 characters"},
        {"{\"x-maxBytes\":8}", "\"会员卡\"", "", "must be at most 8 bytes"},
        {"{\"minItems\":1}", "[]", "", "must be at least 1 items"},
        {"{\"maxItems\":1}", "[1,2]", "", "must be at most 1 items"},
        {"{\"format\":\"date-time\"}", "\"today\"", "", "is no date-time"},
        {"{\"additionalProperties\":false,\"properties\":{\"a\":true}}", "{\"a\":1,\"b/~\":2}",
         "/b~1~0", "is not allowed"},
        {"{\"items\":{\"properties\":{\"x\":{\"type\":\"null\"}}}}", "[{},{\"x\":1}]", "/1/x",
         "must be null"},
        {"{\"anyOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}", "{}", "",
         "fits none of 2 alternatives: /a is required; /b is required"},
        {"{\"properties\":{\"k\":{\"oneOf\":[{\"type\":\"null\"},{\"minimum\":3}]"
         "}}}",
         "{\"k\":2}", "/k", "fits none of 2 alternatives: /k must be null; /k must be at least 3"},
        {"{\"oneOf\":[true,true]}", "1", "", "fits more than one of 2 alternatives"},
        {"false", "1", "", "is not allowed"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        refuse(cases[i].schema, cases[i].text, cases[i].pointer, cases[i].detail);
}

static void test_schema_accepts_what_fits(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "null"},
        {"true", "[1]"},
        {"{\"type\":\"integer\"}", "1.0"},
        {"{\"type\":\"integer\"}", "18446744073709551615"},
        {"{\"type\":\"number\"}", "1e400"},
        {"{\"required\":[\"n\"],\"properties\":{\"n\":{\"type\":\"null\"}}}", "{\"n\":null}"},
        {"{\"const\":null}", "null"},
        {"{\"const\":{\"a\":[1,2]}}", "{\"a\":[1.0,2]}"},
        {"{\"x-maxBytes\":9,\"minLength\":3,\"maxLength\":3}", "\"会员卡\""},
        {"{\"minLength\":5,\"minItems\":5,\"required\":[\"x\"],\"minimum\":9}", "true"},
        {"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", "\"x\""},
        {"{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", "null"},
        {"{\"format\":\"uri\"}", "12"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        accept(cases[i][0], cases[i][1]);
}

static void test_schema_reports_the_first_violation_of_the_document(void **state)
{
    static const char siblings[] =
        "{\"$ref\":\"#/$defs/"
        "early\",\"properties\":{\"z\":{\"type\":\"string\"}},"
        "\"$defs\":{\"early\":{\"properties\":{\"a\":{\"type\":\"string\"}}}}}";

    (void)state;
    refuse(siblings, "{\"a\":1,\"z\":1}", "/a", "must be string");
    refuse(siblings, "{\"z\":1,\"a\":1}", "/z", "must be string");
    refuse("{\"anyOf\":[{\"required\":[\"m\"]}],\"properties\":{\"a\":{\"type\":"
           "\"null\"}}}",
           "{\"a\":1}", "", "fits none of 1 alternatives: /m is required");
    refuse("{\"items\":{\"type\":\"null\"}}", "[null,1,2]", "/1", "must be null");
}

static void test_schema_follows_references(void **state)
{
    static const char tree[] =
        "{\"$id\":\"https://kabao.example/tree\",\"$ref\":\"https://"
        "kabao.example/tree#/$defs/"
        "node\","
        "\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":{\"next\":{\"$"
        "ref\":\"#\"},"
        "\"v\":{\"$ref\":\"#/$defs/a%25b~1c~0d\"}}},\"a%b/"
        "c~d\":{\"type\":\"integer\"}}}";

    (void)state;
    accept(tree, "{\"v\":1,\"next\":{\"v\":2,\"next\":{}}}");
    refuse(tree, "{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":\"3\"}}}", "/next/next/v",
           "must be integer");
    accept("{\"anyOf\":[{\"type\":\"null\"}],\"properties\":{\"x\":{\"$ref\":\"#/"
           "anyOf/0\"}}}",
           "null");
    refuse("{\"$id\":\"https://k.example/"
           "x\",\"items\":{\"$ref\":\"#\"},\"type\":\"array\"}",
           "[[[1]]]", "/0/0/0", "must be array");
}

static const struct {
    const char *schema;
    const char *text;
} no_schemas[] = {
    {"{\"pattern\":\"x\"}", "#: unknown keyword \"pattern\""},
    {"{\"properties\":{\"a\":{\"allOf\":[]}}}", "#/properties/a: unknown keyword \"allOf\""},
    {"{\"$defs\":{\"u\":{\"items\":{\"uniqueItems\":true}}}}",
     "#/$defs/u/items: unknown keyword \"uniqueItems\""},
    {"{\"anyOf\":[true,{\"not\":{}}]}", "#/anyOf/1: unknown keyword \"not\""},
    {"{\"$anchor\":\"a\"}", "#: unknown keyword \"$anchor\""},
    {"{\"type\":\"text\"}", "#: type names an unknown type"},
    {"{\"type\":[]}", "#: type names an unknown type"},
    {"{\"type\":[\"null\",1]}", "#: type names an unknown type"},
    {"{\"minLength\":-1}", "#: minLength must be a whole number, not below 0"},
    {"{\"maxItems\":\"1\"}", "#: maxItems must be a whole number, not below 0"},
    {"{\"x-maxBytes\":1.5}", "#: x-maxBytes must be a whole number, not below 0"},
    {"{\"minimum\":\"1\"}", "#: minimum must be a number"},
    {"{\"enum\":{}}", "#: enum must be an array"},
    {"{\"required\":\"a\"}", "#: required must be an array of names"},
    {"{\"required\":[1]}", "#: required must be an array of names"},
    {"{\"properties\":[]}", "#: properties must be an object"},
    {"{\"properties\":{\"a\":1}}", "#/properties/a: must be an object or a boolean"},
    {"{\"items\":[{}]}", "#/items: must be an object or a boolean"},
    {"{\"$defs\":1}", "#: $defs must be an object"},
    {"{\"anyOf\":[]}", "#: anyOf must be an array of schemas"},
    {"{\"oneOf\":{}}", "#: oneOf must be an array of schemas"},
    {"{\"format\":\"email\"}", "#: format is not one kabao knows"},
    {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
     "#: $schema must be https://json-schema.org/draft/2020-12/schema"},
    {"{\"items\":{\"$id\":\"x\"}}", "#/items: $id stands at the root only"},
    {"{\"$id\":1}", "#: $id must be a URI without a fragment"},
    {"{\"$id\":\"a#b\"}", "#: $id must be a URI without a fragment"},
    {"{\"$ref\":1}", "#: $ref must be a string"},
    {"{\"$ref\":\"other.json\"}", "#: $ref leaves the document"},
    {"{\"$id\":\"https://k.example/a\",\"$ref\":\"https://k.example/b#/x\"}",
     "#: $ref leaves the document"},
    {"{\"$ref\":\"#anchor\"}", "#: $ref points at no schema"},
    {"{\"$ref\":\"#/$defs/none\"}", "#: $ref points at no schema"},
    {"{\"$ref\":\"#/$defs/%zz\",\"$defs\":{\"x\":{}}}", "#: $ref points at no schema"},
    {"{\"$ref\":\"#/$defs/%2\",\"$defs\":{\"x\":{}}}", "#: $ref points at no schema"},
    {"{\"$ref\":\"#/examples/0\",\"examples\":[{}]}", "#: $ref points at no schema"},
    {"{\"$ref\":\"#\"}", "#: $ref, anyOf, oneOf go in a circle or too deep"},
    {"{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":\"null\"}]}", NULL},
    {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},"
     "\"b\":{\"oneOf\":[{\"$ref\":\"#/$defs/a\"}]}}}",
     NULL},
    {"null", "#: must be an object or a boolean"},
    {"[]", "#: must be an object or a boolean"},
    {"{", "JSON: unexpected end of data at byte 1"},
};

static void test_schema_names_what_it_cannot_compile(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(no_schemas); i++) {
        struct schema *schema = NULL;
        struct err err = {0};

        if (schema_compile(str_from(no_schemas[i].schema), &schema, &err) != ST_FATAL)
            fail_msg("compiled: %s", no_schemas[i].schema);
        assert_null(schema);
        assert_string_equal(err.code, "schema");
        if (no_schemas[i].text)
            assert_string_equal(err.text, no_schemas[i].text);
    }
}

static void test_schema_takes_the_annotations(void **state)
{
    (void)state;
    accept("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
           "\"$id\":\"https://kabao.example/x\",\"$comment\":\"c\",\"title\":\"t\","
           "\"description\":\"d\",\"examples\":[{\"pattern\":1}],\"default\":{"
           "\"not\":1},"
           "\"deprecated\":true}",
           "1");
}

static void test_schema_asserts_formats(void **state)
{
    static const struct {
        const char *format;
        const char *text;
        bool holds;
    } cases[] = {
        {"date-time", "2026-01-02T03:04:05Z", true},
        {"date-time", "2026-01-02T03:04:05.678+08:00", true},
        {"date-time", "2026-01-02", false},
        {"date-time", "2026-02-30T03:04:05Z", false},
        {"date-time", "", false},
        {"uri", "https://crm.example/hook?a=%E5%8D%A1#x", true},
        {"uri", "urn:x", true},
        {"uri", "/wechat/wx0123", false},
        {"uri", "https:", false},
        {"uri", "1http://x", false},
        {"uri", ":x", false},
        {"uri", "http://a b", false},
        {"uri", "http://x/%2", false},
        {"uri", "http://x/%zz", false},
        {"uri", "http://x/卡", false},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
        {"traceparent", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {"traceparent", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", false},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false},
        {"traceparent", "", false},
        {"card-key", "wx01:pGRUFjv0:018255396048", true},
        {"card-key", "wx01:pGRUFjv0:a:b", true},
        {"card-key", "wx01:pGRUFjv0:", false},
        {"card-key", "wx01::1", false},
        {"card-key", ":p:1", false},
        {"card-key", "wx01:p", false},
        {"card-key", "", false},
        {"card-key", "wx01:p:1\\n", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char schema[64];
        char text[128];

        (void)snprintf(schema, sizeof(schema), "{\"format\":\"%s\"}", cases[i].format);
        (void)snprintf(text, sizeof(text), "\"%s\"", cases[i].text);
        if ((check(schema, text, NULL) == ST_OK) != cases[i].holds)
            fail_msg("%s: %s", cases[i].format, cases[i].text);
    }
}

static void test_schema_rejects_with_reason_and_text(void **state)
{
    AUTO(schema_freep)
    struct schema *schema = compiled("{\"required\":[\"confirm\"]}");
    AUTO(json_freep) struct json *instance = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(json_parse(STR("{}"), &instance, &err), ST_OK);
    assert_int_equal(schema_check(schema, instance, NULL, &err), ST_REJECT);
    assert_int_equal(err.reason, REASON_SCHEMA);
    assert_string_equal(err.code, "schema");
    assert_string_equal(err.text, "/confirm is required");
}

/* A stranger's key may be long and may end anywhere: the pointer stays UTF-8 and a pointer. */
static void test_schema_cuts_long_pointers_between_characters(void **state)
{
    (void)state;
    for (int shift = 0; shift < 4; shift++) {
        AUTO(buf_done) struct buf text = BUF_INIT(4096);
        struct schema_fault fault;

        buf_addf(&text, "{\"%.*s", shift, "abc");
        for (int i = 0; i < 200; i++)
            buf_add_cstr(&text, "员~");
        buf_add_cstr(&text, "\":1}");
        assert_int_equal(check("{\"additionalProperties\":false}", text.ptr, &fault), ST_REJECT);
        assert_true(utf8_valid(str_from(fault.pointer)));
        assert_true(fault.pointer[strlen(fault.pointer) - 1] != '~');
        assert_true(strlen(fault.pointer) > SCHEMA_POINTER_MAX - 8);
    }
}

/* Every level doubles the work of the one below it: 2^31 visits without a bound. */
static void test_schema_bounds_the_work_of_one_check(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(4096);
    struct schema_fault fault;

    (void)state;
    for (int i = 1; i < JSON_DEPTH_MAX; i++)
        buf_add_cstr(&text, "[");
    buf_add_cstr(&text, "1");
    for (int i = 1; i < JSON_DEPTH_MAX; i++)
        buf_add_cstr(&text, "]");
    assert_int_equal(check("{\"anyOf\":[{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}},"
                           "{\"items\":{\"$ref\":\"#\"},\"type\":\"array\"}]}",
                           text.ptr, &fault),
                     ST_REJECT);
}

static void test_schema_survives_want_of_memory(void **state)
{
    static const char text[] = "{\"$id\":\"https://kabao.example/"
                               "x\",\"properties\":{\"a\":{\"anyOf\":[true,{}]},"
                               "\"b\":{\"$ref\":\"#/$defs/"
                               "c\"}},\"$defs\":{\"c\":{\"items\":{\"type\":\"string\"}}}}";
    enum status rc = ST_FATAL;

    (void)state;
    for (size_t nth = 1; rc != ST_OK; nth++) {
        AUTO(schema_freep) struct schema *schema = NULL;
        struct err err = {0};

        mem_fail_at(nth, false);
        rc = schema_compile(str_from(text), &schema, &err);
        mem_fail_at(0, false);
        if (rc != ST_OK)
            assert_string_equal(err.code, "memory");
        assert_int_equal(rc == ST_OK, schema != NULL);
        assert_true(nth < 1000);
    }
    schema_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_says_what_is_wrong_and_where),
        cmocka_unit_test(test_schema_accepts_what_fits),
        cmocka_unit_test(test_schema_reports_the_first_violation_of_the_document),
        cmocka_unit_test(test_schema_follows_references),
        cmocka_unit_test(test_schema_names_what_it_cannot_compile),
        cmocka_unit_test(test_schema_takes_the_annotations),
        cmocka_unit_test(test_schema_asserts_formats),
        cmocka_unit_test(test_schema_rejects_with_reason_and_text),
        cmocka_unit_test(test_schema_cuts_long_pointers_between_characters),
        cmocka_unit_test(test_schema_bounds_the_work_of_one_check),
        cmocka_unit_test(test_schema_survives_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
