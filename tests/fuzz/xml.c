/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a push: refused, or a list of elements that keeps its promises. With the
 * scanner in front and without it the answer is the same. */
#include "codec/xml.h"

#include "base/arena.h"
#include "codec/utf8.h"
#include "codec/xml_plain.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

enum { ARENA_MAX = 16 << 20 };

static void check_element(const struct xml *xml, int index)
{
    const struct xml_element *element = &xml->elements[index];
    const struct xml_element *parent;

    assert(element->name.len > 0 && element->name.len <= XML_NAME_MAX);
    assert(utf8_valid(element->name) && utf8_valid(element->text));
    assert(str_is_set(element->text) && str_trim(element->text).len == element->text.len);
    assert(!element->has_children || str_is_empty(element->text));
    if (index == 0) {
        assert(element->parent == -1 && element->depth == 0);
        return;
    }
    assert(element->parent >= 0 && element->parent < index);
    parent = &xml->elements[element->parent];
    assert(parent->has_children && element->depth == parent->depth + 1);
    assert(element->depth <= XML_DEPTH_MAX);
}

static void check_same(const struct xml_element *a, const struct xml_element *b)
{
    assert(str_eq(a->name, b->name) && str_eq(a->text, b->text));
    assert(a->parent == b->parent && a->depth == b->depth && a->has_children == b->has_children);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
    struct xml xml;
    struct xml from_libxml2;
    struct err err = {0};
    struct err libxml2_err = {0};
    enum status rc = xml_parse(str_of(data, size), &arena, &xml, &err);

    assert(rc == xml_parse_libxml2(str_of(data, size), &arena, &from_libxml2, &libxml2_err));
    if (rc != ST_OK) {
        assert(strcmp(err.code, libxml2_err.code) == 0);
        return 0;
    }
    assert(xml.count > 0 && xml.count <= XML_ELEMENTS_MAX && xml.count == from_libxml2.count);
    for (int i = 0; i < xml.count; i++) {
        check_element(&xml, i);
        check_same(&xml.elements[i], &from_libxml2.elements[i]);
    }
    (void)xml_child(&xml, "Event");
    return 0;
}
