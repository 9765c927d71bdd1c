/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a push: refused, or a list of elements that keeps its promises. */
#include "codec/xml.h"

#include "base/arena.h"
#include "codec/utf8.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(1 << 20);
    struct xml xml;
    struct err err;

    if (xml_parse(str_of(data, size), &arena, &xml, &err) != ST_OK)
        return 0;
    assert(xml.count > 0 && xml.count <= XML_ELEMENTS_MAX);
    for (int i = 0; i < xml.count; i++)
        check_element(&xml, i);
    (void)xml_child(&xml, "Event");
    return 0;
}
