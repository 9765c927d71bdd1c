/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/xml.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/utf8.h"
#include "tests/unit/check.h"

#include <string.h>

static const char push[] = "<xml>\n"
                           " <ToUserName><![CDATA[gh_7f083739789a]]></ToUserName>\n"
                           " <CreateTime> 1760000000 </CreateTime>\n"
                           " <Empty/><Blank> \n</Blank>\n"
                           " <Title>会员 &lt;b&gt; &amp; &#x5361;<![CDATA[ <raw & "
                           "]]>&quot;x&apos;</Title>\n"
                           " <Nested><Item>1</Item>stray<Item>2</Item></Nested>\n"
                           " <ns:Name>n</ns:Name>\n"
                           "</xml>";

static void refuse(const char *text, const char *code)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    struct xml out = {.count = -1};
    struct err err = {0};

    if (xml_parse(str_from(text), &arena, &out, &err) != ST_REJECT)
        fail_msg("taken: %.80s", text);
    if (strcmp(err.code, code) != 0)
        fail_msg("%s, not %s: %.80s", err.code, code, text);
    assert_int_equal(err.reason, REASON_MALFORMED);
    assert_int_equal(out.count, -1);
}

static void accept(const char *text, struct arena *arena, struct xml *out)
{
    struct err err = {0};

    if (xml_parse(str_from(text), arena, out, &err) != ST_OK)
        fail_msg("%s: %.80s", err.text, text);
}

static void test_xml_lists_elements_in_document_order(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        int parent;
        int depth;
    } expected[] = {
        {"xml", "", -1, 0},
        {"ToUserName", "gh_7f083739789a", 0, 1},
        {"CreateTime", "1760000000", 0, 1},
        {"Empty", "", 0, 1},
        {"Blank", "", 0, 1},
        {"Title", "会员 <b> & 卡 <raw & \"x'", 0, 1},
        {"Nested", "", 0, 1},
        {"Item", "1", 6, 2},
        {"Item", "2", 6, 2},
        {"ns:Name", "n", 0, 1},
    };
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    struct xml out;

    (void)state;
    accept(push, &arena, &out);
    assert_int_equal(out.count, COUNT_OF(expected));
    for (int i = 0; i < out.count; i++) {
        const struct xml_element *element = &out.elements[i];

        assert_true(str_eq_cstr(element->name, expected[i].name));
        assert_true(str_is_set(element->text));
        assert_true(str_eq_cstr(element->text, expected[i].text));
        assert_int_equal(element->parent, expected[i].parent);
        assert_int_equal(element->depth, expected[i].depth);
        assert_int_equal(element->has_children, i == 0 || i == 6);
    }
}

static void test_xml_child_finds_children_of_the_root_only(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    struct xml out;

    (void)state;
    accept(push, &arena, &out);
    assert_true(str_eq_cstr(xml_child(&out, "ToUserName"), "gh_7f083739789a"));
    assert_true(str_is_set(xml_child(&out, "Empty")));
    assert_false(str_is_set(xml_child(&out, "Item")));
    assert_false(str_is_set(xml_child(&out, "xml")));
}

static void test_xml_skips_what_is_neither_element_nor_text(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    struct xml out;

    (void)state;
    accept("\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><!-- c --><?pi x?>"
           "<xml a=\"1\" b='&lt;'><A>1<!-- c -->2<?pi?>3</A></xml><!-- end -->\n",
           &arena, &out);
    assert_int_equal(out.count, 2);
    assert_true(str_eq_cstr(xml_child(&out, "A"), "123"));
}

static void test_xml_refuses_doctype_and_entities(void **state)
{
    (void)state;
    refuse("<!DOCTYPE xml><xml/>", "xml:dtd");
    refuse("<!DOCTYPE xml SYSTEM \"http://127.0.0.1:9/x.dtd\"><xml/>", "xml:dtd");
    refuse("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>", "xml:dtd");
    refuse("<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\"><!ENTITY c "
           "\"&b;&b;&b;\">]>"
           "<x>&c;</x>",
           "xml:dtd");
    refuse("<!DOCTYPE x [<!ENTITY % p SYSTEM \"http://127.0.0.1:9/p\"> %p;]><x/>", "xml:dtd");
    refuse("<xml>&e;</xml>", "xml:syntax");
    refuse("<xml a=\"&e;\"/>", "xml:syntax");
    refuse("<xml>&nbsp;</xml>", "xml:syntax");
}

static void test_xml_refuses_what_is_not_well_formed(void **state)
{
    static const char *const texts[] = {
        "",
        "   ",
        "not xml",
        "<xml>",
        "<xml",
        "</xml>",
        "<xml></XML>",
        "<xml><A></xml></A>",
        "<xml/><xml/>",
        "<xml/>tail",
        "head<xml/>",
        "<xml>&</xml>",
        "<xml>a < b</xml>",
        "<xml><![CDATA[x</xml>",
        "<xml>]]></xml>",
        "<xml a=1/>",
        "<xml a=\"1\" a=\"2\"/>",
        "<xml>\x01</xml>",
        "<xml>&#0;</xml>",
        "<xml>&#x110000;</xml>",
        "<xml>&#xD800;</xml>",
        "<!DOCTYPE",
        "<!-- only -->",
        " <?xml version=\"1.0\"?><xml/>",
        "{\"json\":1}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        refuse(texts[i], "xml:syntax");
}

static void test_xml_refuses_every_encoding_but_utf8(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    struct xml out;
    struct err err;

    (void)state;
    refuse("<xml>\xBB\xE1</xml>", "xml:utf8");
    refuse("<?xml version=\"1.0\" encoding=\"GBK\"?><xml>a</xml>", "xml:utf8");
    refuse("<?xml version=\"1.0\" encoding='ISO-8859-1'?><xml>a</xml>", "xml:utf8");
    refuse("<?xml version=\"1.0\" encoding=\"US-ASCII\"?><xml>a</xml>", "xml:utf8");
    accept("<?xml version=\"1.0\" encoding=\"UTF-8\"?><xml>a</xml>", &arena, &out);
    assert_int_equal(xml_parse(STR("<\0x\0/\0>\0"), &arena, &out, &err), ST_REJECT);
    assert_int_equal(xml_parse(STR("<xml>\0</xml>"), &arena, &out, &err), ST_REJECT);
    assert_string_equal(err.code, "xml:syntax");
}

static void nest(struct buf *out, int levels)
{
    for (int i = 0; i < levels; i++)
        buf_add_cstr(out, "<a>");
    for (int i = 0; i < levels; i++)
        buf_add_cstr(out, "</a>");
}

static void test_xml_bounds_depth(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    AUTO(buf_done) struct buf fits = BUF_INIT(4096);
    AUTO(buf_done) struct buf deep = BUF_INIT(4096);
    AUTO(buf_done) struct buf deeper = BUF_INIT(4096);
    struct xml out;

    (void)state;
    nest(&fits, XML_DEPTH_MAX + 1);
    accept(fits.ptr, &arena, &out);
    assert_int_equal(out.elements[out.count - 1].depth, XML_DEPTH_MAX);
    nest(&deep, XML_DEPTH_MAX + 2);
    refuse(deep.ptr, "xml:depth");
    nest(&deeper, 100);
    refuse(deeper.ptr, "xml:depth");
}

static void test_xml_bounds_the_number_of_elements(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 16);
    struct xml out;

    (void)state;
    buf_add_cstr(&text, "<xml>");
    for (int i = 1; i < XML_ELEMENTS_MAX; i++)
        buf_add_cstr(&text, "<a>1</a>");
    buf_add_cstr(&text, "</xml>");
    accept(text.ptr, &arena, &out);
    assert_int_equal(out.count, XML_ELEMENTS_MAX);
    assert_true(str_eq_cstr(out.elements[XML_ELEMENTS_MAX - 1].text, "1"));

    text.len -= strlen("</xml>");
    buf_add_cstr(&text, "<b/></xml>");
    refuse(text.ptr, "xml:elements");
}

static void test_xml_bounds_names(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 16);

    (void)state;
    buf_addf(&text, "<%0*d/>", XML_NAME_MAX + 1, 0);
    text.ptr[1] = 'a';
    refuse(text.ptr, "xml:syntax");
}

static void test_xml_takes_a_text_of_megabytes_in_one_piece(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(8 << 20);
    AUTO(buf_done) struct buf text = BUF_INIT(4 << 20);
    struct xml out;

    (void)state;
    buf_add_cstr(&text, "<xml>");
    for (int i = 0; i < 100000; i++)
        buf_add_cstr(&text, "会员&amp;<![CDATA[卡]]>");
    buf_add_cstr(&text, "</xml>");
    accept(text.ptr, &arena, &out);
    assert_int_equal(out.elements[0].text.len, 100000 * strlen("会员&卡"));
    assert_true(utf8_valid(out.elements[0].text));
}

static void test_xml_says_retry_at_the_ceiling_of_the_arena(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(2048);
    struct xml out;
    struct err err;

    (void)state;
    assert_int_equal(xml_parse(STR("<x><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/>"
                                   "<a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/><a/>"
                                   "<a/><a/><a/><a/><a/><a/><a/></x>"),
                               &arena, &out, &err),
                     ST_RETRY);
    assert_string_equal(err.code, "memory");
}

static void test_xml_survives_want_of_memory(void **state)
{
    enum status rc = ST_RETRY;

    (void)state;
    for (size_t nth = 1; rc != ST_OK; nth++) {
        AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
        struct xml out = {.count = -1};
        struct err err = {0};

        mem_fail_at(nth, false);
        rc = xml_parse(str_from(push), &arena, &out, &err);
        mem_fail_at(0, false);
        assert_int_equal(rc, rc == ST_OK ? ST_OK : ST_RETRY);
        assert_true(rc == ST_OK || out.count == -1);
        assert_true(nth < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xml_lists_elements_in_document_order),
        cmocka_unit_test(test_xml_child_finds_children_of_the_root_only),
        cmocka_unit_test(test_xml_skips_what_is_neither_element_nor_text),
        cmocka_unit_test(test_xml_refuses_doctype_and_entities),
        cmocka_unit_test(test_xml_refuses_what_is_not_well_formed),
        cmocka_unit_test(test_xml_refuses_every_encoding_but_utf8),
        cmocka_unit_test(test_xml_bounds_depth),
        cmocka_unit_test(test_xml_bounds_the_number_of_elements),
        cmocka_unit_test(test_xml_bounds_names),
        cmocka_unit_test(test_xml_takes_a_text_of_megabytes_in_one_piece),
        cmocka_unit_test(test_xml_says_retry_at_the_ceiling_of_the_arena),
        cmocka_unit_test(test_xml_survives_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
