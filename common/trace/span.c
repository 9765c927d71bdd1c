/* SPDX-License-Identifier: Apache-2.0 */
/* Times are readings of the wall clock, start and end alike: what is nested so stays nested in the
 * lines of one machine, and only a clock that is set amid a span bends it. */
#include "trace/span.h"

#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { HEAD_FIELDS = 9, NS_SIZE = 24 };

static const struct {
    const char *name;
    const char *kind;
} SPANS[] = {
    [SPAN_RECEIVE] = {"receive", "server"}, [SPAN_PRODUCE] = {"produce", "producer"},
    [SPAN_HANDLE] = {"handle", "consumer"}, [SPAN_CALL] = {"call", "client"},
    [SPAN_STORE] = {"store", "client"},
};

void span_begin(const struct trace *own, const struct trace *parent, struct span *out)
{
    *out = (struct span){.trace = *own};
    if (!span_wanted(own))
        return;
    if (parent != NULL)
        (void)str_copy(trace_span_id(parent), out->parent, sizeof(out->parent));
    out->start_ns = clock_wall_ns();
}

void span_open(const struct trace *parent, struct span *out)
{
    struct trace own;

    if (!span_wanted(parent)) {
        *out = (struct span){.trace = *parent};
        return;
    }
    trace_child(parent, &own);
    span_begin(&own, parent, out);
}

static struct kv time_field(const char *name, int64_t at_ns, char text[NS_SIZE])
{
    (void)snprintf(text, NS_SIZE, "%" PRId64, at_ns);
    return kv_cstr(name, text);
}

void span_write(const struct span *s, enum span_name name, bool failed, const struct kv *attributes)
{
    const int64_t now_ns = clock_wall_ns();
    struct kv fields[HEAD_FIELDS + SPAN_ATTRIBUTES_MAX + 1];
    char start[NS_SIZE];
    char end[NS_SIZE];
    size_t n = 0;

    if (!span_is_open(s))
        return;
    fields[n++] = EV("span");
    fields[n++] = kv_str("trace", trace_id(&s->trace));
    fields[n++] = kv_str("span", trace_span_id(&s->trace));
    fields[n++] = kv_cstr("parent", s->parent[0] != '\0' ? s->parent : NULL);
    fields[n++] = kv_cstr("name", SPANS[name].name);
    fields[n++] = kv_cstr("kind", SPANS[name].kind);
    fields[n++] = time_field("start", s->start_ns, start);
    fields[n++] = time_field("end", now_ns > s->start_ns ? now_ns : s->start_ns, end);
    fields[n++] = kv_cstr("status", failed ? "error" : "ok");
    while (attributes->type != KV_END) {
        assert(n < HEAD_FIELDS + SPAN_ATTRIBUTES_MAX);
        fields[n++] = *attributes++;
    }
    fields[n].type = KV_END;
    log_write(LOG_TRACE, fields);
}
