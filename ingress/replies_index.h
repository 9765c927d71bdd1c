/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the first of many keywords in a text, all folded: a tree of characters whose edges are in
 * one hash table, so that a text costs its length (times the longest keyword's at worst) however
 * many keywords there are. Thread-safe once built. */
#pragma once

#include "base/attr.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define REPLIES_NO_RULE UINT32_MAX

struct replies_index;

struct replies_index *replies_index_new(void); /* NULL: no memory */
void replies_index_free(struct replies_index *x);
/* keyword is UTF-8 and not empty; of those with one text the lowest rule counts. whole: the text
 * must equal it. False: no memory. */
MUST_CHECK bool replies_index_add(struct replies_index *x, struct str keyword, bool whole,
                                  uint32_t rule);
/* The lowest rule with a keyword in the text. */
uint32_t replies_index_find(const struct replies_index *x, struct str text);
