/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/xml_plain.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/utf8.h"
#include "tests/unit/check.h"

#include <string.h>

enum { CAPACITY = 32, LENGTH_MAX = 1 << 20 };

static const char push[] = "<xml><ToUserName><![CDATA[gh_7f083739789a]]></ToUserName>"
                           "<CreateTime>1760000000</CreateTime></xml>";

static int scan(struct str text)
{
    struct xml_element elements[CAPACITY];

    return xml_plain_scan(text, elements, CAPACITY);
}

static void assert_same(const struct xml_element *mine, const struct xml_element *other)
{
    assert_true(str_eq(mine->name, other->name));
    assert_true(str_is_set(mine->text));
    assert_true(str_eq(mine->text, other->text));
    assert_int_equal(mine->parent, other->parent);
    assert_int_equal(mine->depth, other->depth);
    assert_int_equal(mine->has_children, other->has_children);
}

/* False: not mine. What the scanner takes libxml2 takes too, and the same from it. */
static bool agrees(struct str text)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(4 << 20);
    struct xml_element elements[CAPACITY];
    int count = utf8_valid(text) ? xml_plain_scan(text, elements, CAPACITY) : 0;
    struct xml other = {0};
    struct err err = {0};

    if (count == 0)
        return false;
    if (xml_parse_libxml2(text, &arena, &other, &err) != ST_OK || other.count != count)
        fail_msg("libxml2 disagrees, %s: %.*s", err.text, STR_ARG(text));
    for (int i = 0; i < count; i++)
        assert_same(&elements[i], &other.elements[i]);
    return true;
}

static void test_xml_plain_takes_what_wechat_sends(void **state)
{
    static const char *const texts[] = {
        push,
        "<a></a>",
        "\n\t <xml>\n <A>1</A>\n <B> 2 </B>\n</xml>\n",
        "<xml><A><![CDATA[]]></A><B></B><C> \n</C><D><![CDATA[ \n]]></D></xml>",
        "<xml><A>\n<![CDATA[ <raw> & &amp; ]] ]> ]]>\n</A></xml>",
        "<xml><A><![CDATA[]]]></A><B><![CDATA[]]]]></B></xml>",
        "<xml><A><![CDATA[x]]><![CDATA[ ]]> <![CDATA[]]></A></xml>",
        "<xml><A>a > b \"c\" 'd' = !/?[</A></xml>",
        "<xml><A>会员，“卡”😀</A><B><![CDATA[会员，“卡”😀]]></B></xml>",
        "<xml><List><Item><Name>a</Name></Item><Item><Name>b</Name></Item></List></xml>",
        "<xml><_a>1</_a><A-1.b_>2</A-1.b_></xml>",
        "<xml>before<A>1</A>after<![CDATA[after]]><B>2</B></xml>",
        "<a><a><a><a><a><a><a><a><a>9</a></a></a></a></a></a></a></a></a>",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!agrees(str_from(texts[i])))
            fail_msg("not taken: %s", texts[i]);
}

static void assert_none_taken(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (scan(str_from(texts[i])) != 0)
            fail_msg("taken: %s", texts[i]);
}

static void test_xml_plain_leaves_other_structures_to_libxml2(void **state)
{
    static const char *const texts[] = {
        " ",
        "x",
        "<",
        "<>",
        "<></>",
        "<a><",
        "<a></ab>",
        "<ab></a>",
        "<a></A>",
        "<a></a ></a>",
        "</a>",
        "<a/>",
        "<a><b/></a>",
        "<a ></a>",
        "<a b=\"c\"></a>",
        "<n:a></n:a>",
        "<1></1>",
        "<-></->",
        "<.></.>",
        "<会></会>",
        "<a></a><a></a>",
        "<a></a>x",
        "x<a></a>",
        "<a><b></a></b>",
        "<![CDATA[x]]><a></a>",
        "<a></a><![CDATA[x]]>",
        "<?xml version=\"1.0\"?><a></a>",
        "<!DOCTYPE a><a></a>",
        "<!-- c --><a></a>",
        "<a><!-- c --></a>",
        "<a><?p?></a>",
        "\xEF\xBB\xBF<a></a>",
        "<a><a><a><a><a><a><a><a><a><a>10</a></a></a></a></a></a></a></a></a></a>",
    };

    (void)state;
    assert_int_equal(scan(STR("")), 0);
    assert_none_taken(texts, COUNT_OF(texts));
}

static void test_xml_plain_leaves_other_texts_to_libxml2(void **state)
{
    static const char *const texts[] = {
        "<a>&amp;</a>",
        "<a>&#65;</a>",
        "<a>x]]>y</a>",
        "<a>]</a>",
        "<a>x<![CDATA[y]]></a>",
        "<a><![CDATA[x]]><![CDATA[y]]></a>",
        "<a>x<![CDATA[y]]><b></b></a>",
        "<a><![CDATA[x</a>",
        "<a><![CDATA[x]]</a>",
        "<a><![CDATA[x]></a>",
        "<a><![CDATAx]]></a>",
        "<a><![cdata[x]]></a>",
        "<a>x\r\n</a>",
        "<a><![CDATA[x\r]]></a>",
        "<a>\r\n<b></b></a>",
        "<a>\x01</a>",
        "<a>\x1F</a>",
        "<a><![CDATA[\x0B]]></a>",
        "<a>\xEF\xBF\xBE</a>",
        "<a><![CDATA[，\xEF\xBF\xBF]]></a>",
    };

    (void)state;
    assert_int_equal(scan(STR("<a>\0</a>")), 0);
    assert_none_taken(texts, COUNT_OF(texts));
}

static void test_xml_plain_takes_no_part_of_a_document(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(push); len++) {
        AUTO(mem_freep) char *part = mem_copy(push, len); /* nothing readable behind it */

        assert_int_equal(scan(str_of(part, len)), 0);
    }
}

static void test_xml_plain_agrees_with_libxml2_on_names(void **state)
{
    int taken = 0;

    (void)state;
    for (int byte = 1; byte < 0x80; byte++) {
        const char alone[] = {'<', (char)byte, '>', '<', '/', (char)byte, '>', '\0'};
        const char second[] = {'<', 'a', (char)byte, '>', '<', '/', 'a', (char)byte, '>', '\0'};

        taken += agrees(str_from(alone)) + agrees(str_from(second));
    }
    assert_int_equal(taken, (26 * 2 + 1) + (26 * 2 + 1 + 10 + 2));
}

static void test_xml_plain_agrees_with_libxml2_whatever_byte_changes(void **state)
{
    int taken = 0;

    (void)state;
    for (size_t at = 0; at < strlen(push); at++) {
        for (int byte = 1; byte <= 0xFF; byte++) {
            char text[sizeof(push)];

            memcpy(text, push, sizeof(push));
            text[at] = (char)byte;
            taken += agrees(str_from(text));
        }
    }
    assert_true(taken > 1000);
}

static void test_xml_plain_agrees_with_libxml2_on_characters(void **state)
{
    static const char *const around[][2] = {
        {"<a>x", "x</a>"}, {"<a><![CDATA[x", "x]]></a>"}, {"<a>", "<b></b></a>"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(around); i++) {
        for (unsigned c = 0x80; c <= 0xFFFF; c = c == 0xFF ? 0xFFF0 : c + 1) {
            AUTO(buf_done) struct buf text = BUF_INIT(64);

            buf_add_cstr(&text, around[i][0]);
            if (c > 0xFF)
                buf_add_char(&text, (char)(0xE0 | c >> 12));
            buf_add_char(&text, (char)(c > 0xFF ? 0x80 | (c >> 6 & 0x3F) : 0xC0 | c >> 6));
            buf_add_char(&text, (char)(0x80 | (c & 0x3F)));
            buf_add_cstr(&text, around[i][1]);
            assert_int_equal(agrees(buf_str(&text)), c < 0xFFFE);
        }
    }
}

static void test_xml_plain_bounds_elements_names_and_length(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(LENGTH_MAX + 16);
    struct xml_element elements[2];

    (void)state;
    assert_int_equal(xml_plain_scan(STR("<a><b></b></a>"), elements, 2), 2);
    assert_int_equal(xml_plain_scan(STR("<a><b></b><c></c></a>"), elements, 2), 0);
    for (int len = XML_NAME_MAX - 1; len <= XML_NAME_MAX; len++) {
        buf_clear(&text);
        buf_addf(&text, "<a%0*d></a%0*d>", len - 1, 0, len - 1, 0);
        assert_int_equal(scan(buf_str(&text)), len < XML_NAME_MAX);
    }
    buf_clear(&text);
    buf_add_cstr(&text, "<a>");
    while (text.len < LENGTH_MAX - strlen("</a>"))
        buf_add_char(&text, ' ');
    buf_add_cstr(&text, "</a>");
    assert_int_equal(scan(buf_str(&text)), 1);
    buf_add_char(&text, '\n');
    assert_int_equal(scan(buf_str(&text)), 0);
}

static void test_xml_parse_borrows_a_plain_push_and_needs_nothing_but_the_arena(void **state)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    struct xml out = {0};
    struct err err = {0};
    enum status rc;

    (void)state;
    assert_non_null(arena_alloc(&arena, 1));
    mem_fail_at(1, true);
    rc = xml_parse(str_from(push), &arena, &out, &err);
    mem_fail_at(0, false);
    assert_int_equal(rc, ST_OK);
    assert_int_equal(out.count, 3);
    for (int i = 0; i < out.count; i++)
        assert_in_range((uintptr_t)out.elements[i].name.ptr, (uintptr_t)push,
                        (uintptr_t)push + sizeof(push));
    assert_true(str_eq_cstr(xml_child(&out, "CreateTime"), "1760000000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xml_plain_takes_what_wechat_sends),
        cmocka_unit_test(test_xml_plain_leaves_other_structures_to_libxml2),
        cmocka_unit_test(test_xml_plain_leaves_other_texts_to_libxml2),
        cmocka_unit_test(test_xml_plain_takes_no_part_of_a_document),
        cmocka_unit_test(test_xml_plain_agrees_with_libxml2_on_names),
        cmocka_unit_test(test_xml_plain_agrees_with_libxml2_whatever_byte_changes),
        cmocka_unit_test(test_xml_plain_agrees_with_libxml2_on_characters),
        cmocka_unit_test(test_xml_plain_bounds_elements_names_and_length),
        cmocka_unit_test(test_xml_parse_borrows_a_plain_push_and_needs_nothing_but_the_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
