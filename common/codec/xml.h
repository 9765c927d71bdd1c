/* SPDX-License-Identifier: Apache-2.0 */
/* WeChat's XML into a flat list of elements. Strict: no DTD, no entities beyond the five, no
 * network, bounded size, depth and number of elements (libxml2's SAX2 push parser, a new context
 * per document: a reused one keeps its dictionary and grows for ever, measurements 2). In front of
 * it a scanner takes the flat documents that WeChat really sends (xml_plain.h). */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

enum { XML_DEPTH_MAX = 8, XML_ELEMENTS_MAX = 512, XML_NAME_MAX = 128 };

/* In document order, a parent before its children. The root is index 0. */
struct xml_element {
    struct str name; /* with its prefix, if any */
    struct str text; /* trimmed, never absent; of elements with children: empty */
    int parent;      /* -1 for the root */
    int depth;       /* root 0, at most XML_DEPTH_MAX */
    bool has_children;
};

struct xml {
    struct xml_element *elements;
    int count;
};

/* The result is borrowed from text or comes from arena: it lives as long as both. ST_REJECT
 * (REASON_MALFORMED; code "xml:dtd", "xml:depth", "xml:elements", "xml:syntax" - an undeclared
 * entity or a name over XML_NAME_MAX bytes too -, "xml:utf8" - an encoding declared as anything
 * else too); ST_RETRY: no memory, or the arena is at its ceiling. Attributes, comments and
 * processing instructions are skipped. */
MUST_CHECK enum status xml_parse(struct str text, struct arena *arena, struct xml *out,
                                 struct err *err);

/* Text of the first child of the root with that name; absent when there is none. */
struct str xml_child(const struct xml *xml, const char *name);
