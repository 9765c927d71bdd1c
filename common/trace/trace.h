/* SPDX-License-Identifier: Apache-2.0 */
/* W3C trace context (https://www.w3.org/TR/trace-context/): 00-<32 hex>-<16 hex>-<2 hex>. */
#pragma once

#include "base/rand.h"
#include "base/str.h"

#include <stdbool.h>

enum { TRACE_TEXT_SIZE = 56, TRACE_ID_LEN = 32, TRACE_SPAN_ID_SIZE = 17 };

struct trace {
    char text[TRACE_TEXT_SIZE]; /* the traceparent, NUL-terminated */
};

void trace_start(struct trace *out); /* a new trace, sampled */
/* Takes over a traceparent that is well-formed (lower case, no all-zero id, version not ff); else
 * false. */
bool trace_parse(struct str text, struct trace *out);
void trace_child(const struct trace *parent, struct trace *out); /* same trace id, new span id */
/* The same for who does it very often, from a pool of its thread's. */
void trace_start_pooled(struct rand_pool *pool, struct trace *out);
void trace_child_pooled(struct rand_pool *pool, const struct trace *parent, struct trace *out);
/* The 32 hex digits, borrowed; absent while t is zero: nothing was started. */
struct str trace_id(const struct trace *t);
struct str trace_span_id(const struct trace *t); /* the 16 hex digits, borrowed */
bool trace_is_sampled(const struct trace *t);    /* bit 0 of the flags */
struct str trace_text(const struct trace *t);    /* borrowed */
