/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include "base/attr.h"
#include "tests/unit/check.h"

static void test_base64_follows_rfc_4648(void **state)
{
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(buf_done) struct buf text = BUF_INIT(64);
        AUTO(buf_done) struct buf bytes = BUF_INIT(64);
        struct str plain = str_from(cases[i].bytes);

        base64_format(plain.ptr, plain.len, &text);
        assert_true(str_eq_cstr(buf_str(&text), cases[i].text));
        assert_true(base64_parse(str_from(cases[i].text), &bytes));
        assert_true(str_eq(buf_str(&bytes), plain));
    }
}

static void test_base64_brings_every_byte_back(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1024);
    AUTO(buf_done) struct buf bytes = BUF_INIT(1024);
    uint8_t all[256];

    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    base64_format(all, sizeof(all), &text);
    assert_true(base64_parse(buf_str(&text), &bytes));
    assert_true(str_eq(buf_str(&bytes), str_of(all, sizeof(all))));
}

static void test_base64_refuses_garbage_and_leaves_the_buffer_alone(void **state)
{
    static const char *const texts[] = {
        "Z",           "Zg",       "Zg=",     "====",   "Z===",
        "Zg==Zg==",    "Zg=v",     "Zm9\n",   "Zm9v\n", " m9v",
        "Zm-_",        "Zm9v====", "Z\x80==", "=m9v",   "Zm9vZm9vZm9vZm9v!",
        "Zm9vZg=\xC3",
    };
    AUTO(buf_done) struct buf out = BUF_INIT(64);

    (void)state;
    buf_add_cstr(&out, "kept");
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (base64_parse(str_from(texts[i]), &out))
            fail_msg("case %zu was taken", i);
        assert_int_equal(out.len, 4);
        assert_string_equal(out.ptr, "kept");
    }
    assert_false(base64_parse(STR("Zm\0v"), &out));
}

static void test_base64_takes_spare_bits(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(64);

    (void)state;
    assert_true(base64_parse(STR("Zh=="), &out));
    assert_true(base64_parse(STR("Zm9="), &out));
    assert_true(str_eq_cstr(buf_str(&out), "ffo"));
}

static void test_base64_is_false_beyond_the_ceiling(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(4);

    (void)state;
    assert_false(base64_parse(STR("Zm9vYmFyZm9vYmFy"), &out));
    assert_false(buf_ok(&out));
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_follows_rfc_4648),
        cmocka_unit_test(test_base64_brings_every_byte_back),
        cmocka_unit_test(test_base64_refuses_garbage_and_leaves_the_buffer_alone),
        cmocka_unit_test(test_base64_takes_spare_bits),
        cmocka_unit_test(test_base64_is_false_beyond_the_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
