/* SPDX-License-Identifier: Apache-2.0 */
/* What is written reads back the same, whatever the text. */
#include "codec/xmlw.h"

#include "base/arena.h"
#include "base/rand.h"
#include "codec/xml.h"
#include "tests/unit/check.h"

enum { ROUNDS = 2000, TEXT_MAX = 12, OUT_MAX = 4096 };

static struct str read_back(struct arena *arena, const struct buf *out)
{
    struct xml xml;
    struct err err;

    assert_true(buf_ok(out));
    if (xml_parse(buf_str(out), arena, &xml, &err) != ST_OK)
        fail_msg("%s: %s", out->ptr, err.text);
    return xml_child(&xml, "a");
}

static void test_xmlw_splits_cdata(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);

    (void)state;
    xmlw_cdata(&out, STR("a"), STR("]]>]]\x01>\r"));
    assert_string_equal(out.ptr, "<a><![CDATA[]]]]><![CDATA[>]]]]><![CDATA[>]]></a>");
    buf_clear(&out);
    xmlw_text(&out, STR("a"), STR("]]>&<\r\n"));
    assert_string_equal(out.ptr, "<a>]]&gt;&amp;&lt;&#13;\n</a>");
}

static void test_xmlw_reads_back(void **state)
{
    static const char alphabet[] = "]]]>><&\n\rx;";
    char text[TEXT_MAX];

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
        AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
        size_t len = 1 + rand_below(TEXT_MAX - 1);

        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[rand_below(sizeof(alphabet) - 1)];
        xmlw_open(&out, STR("xml"));
        xmlw_text(&out, STR("a"), str_of(text, len));
        xmlw_close(&out, STR("xml"));
        if (!str_eq(read_back(&arena, &out), str_trim(str_of(text, len))))
            fail_msg("%s", out.ptr);
        for (size_t i = 0; i < len; i++)
            text[i] = text[i] == '\r' ? ']' : text[i];
        buf_clear(&out);
        xmlw_open(&out, STR("xml"));
        xmlw_cdata(&out, STR("a"), str_of(text, len));
        xmlw_close(&out, STR("xml"));
        if (!str_eq(read_back(&arena, &out), str_trim(str_of(text, len))))
            fail_msg("%s", out.ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xmlw_splits_cdata),
        cmocka_unit_test(test_xmlw_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
