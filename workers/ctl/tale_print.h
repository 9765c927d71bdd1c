/* SPDX-License-Identifier: Apache-2.0 */
/* A tale for people, as a tree, and for programs. Personal data is masked unless reveal. */
#pragma once

#include "codec/jsonw.h"
#include "tale.h"

/* After tale_arrange. skip: so many roots, the oldest, are left out. False: no memory. */
MUST_CHECK bool tale_print(const struct tale *tale, size_t skip, bool reveal);
/* The list "events", parents before their children: {"n","parent","kind",...}. */
void tale_write(struct jsonw *w, const struct tale *tale, size_t skip, bool reveal);
/* "row member", "dead letter activate": what people are told of a node, without its place. */
void tale_what(const struct tale_node *node, struct buf *out);
