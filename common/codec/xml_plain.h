/* SPDX-License-Identifier: Apache-2.0 */
/* A scanner for the flat XML that WeChat really sends, in front of libxml2. It refuses nothing:
 * what it does not know libxml2 decides. For xml.c and tests only. */
#pragma once

#include "codec/xml.h"

/* text is valid UTF-8. Number of elements of a well-formed document whose list equals libxml2's;
 * names and texts are borrowed from text. 0: not mine, and elements hold anything. Mine are
 * elements with ASCII names and without attributes, texts of one piece (characters or a CDATA
 * section, white space around it) and nothing else: no <Name/>, entity, carriage return, comment,
 * declaration. */
int xml_plain_scan(struct str text, struct xml_element *elements, int capacity);

/* In xml.c: xml_parse without the scanner, to compare the two. */
MUST_CHECK enum status xml_parse_libxml2(struct str text, struct arena *arena, struct xml *out,
                                         struct err *err);
