/* SPDX-License-Identifier: Apache-2.0 */
/* Span lines: steps of one trace as log lines of level trace, of which an OpenTelemetry Collector
 * makes spans (deploy/otel). Traces that are not sampled have none.
 *
 * Whatever a step causes carries the step's id, in a record's or a request's traceparent; so the
 * lines of one trace form one tree, over all programs that write them. */
#pragma once

#include "log/log.h"
#include "trace/trace.h"

enum span_name { SPAN_RECEIVE, SPAN_PRODUCE, SPAN_HANDLE, SPAN_CALL, SPAN_STORE };

struct span {
    struct trace trace;              /* of what it causes: names this span */
    char parent[TRACE_SPAN_ID_SIZE]; /* empty: the first of its trace */
    int64_t start_ns;                /* wall clock; 0: it is not written */
};

/* Are there lines of this trace? One comparison below level trace. */
static inline bool span_wanted(const struct trace *t)
{
    return log_enabled(LOG_TRACE) && trace_is_sampled(t);
}

static inline bool span_is_open(const struct span *s)
{
    return s->start_ns != 0;
}

/* Begins now, under an id that was given already: own. parent NULL: the first of its trace. */
void span_begin(const struct trace *own, const struct trace *parent, struct span *out);
/* Begins now, under an id of its own. Where no line is wanted what it causes carries parent as it
 * is: a step nobody wrote must not stand between two that are written. */
void span_open(const struct trace *parent, struct span *out);

/* It ends now: {"event":"span","trace","span","parent","name","kind","start","end","status",
 * attributes...}, times as texts of Unix nanoseconds, as OTLP has them. Nothing when it is not
 * open. Attributes are few and from closed lists: no openid, card code, key, phone number. */
#define SPAN_END(span, name, failed, ...) \
    span_write(span, name, failed, (const struct kv[]){__VA_ARGS__, {.type = KV_END}})

enum { SPAN_ATTRIBUTES_MAX = 10 };

void span_write(const struct span *s, enum span_name name, bool failed,
                const struct kv *attributes);
