/* SPDX-License-Identifier: Apache-2.0 */
/* What a lane says of its item in span lines. */
#include "run/engine.h"

#include <string.h>

void lane_root(struct lane *lane)
{
    struct trace own;

    trace_start(&own);
    span_begin(&own, NULL, &lane->span);
}

void lane_span_open(struct lane *lane, struct span *out)
{
    lane->caused = true;
    span_open(&lane->span.trace, out);
}

/* "retry" of "record.retry". */
static const char *outcome_of(const char *event)
{
    const char *dot = strchr(event, '.');

    return dot ? dot + 1 : event;
}

/* A record nobody here wants, and a tick that found nothing to do, are no step of any trace. */
static bool is_of_interest(const struct lane *lane)
{
    return lane->record ? !lane->ignored : lane->caused || lane->item->kind == ITEM_KEY;
}

void lane_span_settled(struct lane *lane, const char *event, const struct err *err)
{
    const struct record *record = lane->record;
    const char *outcome = outcome_of(event);
    const char *code = err->code[0] != '\0' ? err->code : NULL;
    const bool failed = code && strcmp(outcome, "waits") != 0;

    if (!span_is_open(&lane->span) || !is_of_interest(lane))
        return;
    if (record)
        SPAN_END(&lane->span, SPAN_HANDLE, failed, kv_cstr("outcome", outcome),
                 kv_cstr("error_code", code), kv_cstr("account", lane_account_name(lane)),
                 kv_str("topic", record->topic), kv_int("partition", record->partition),
                 kv_int("offset", record->offset), kv_int("attempt", lane->item->attempts + 1));
    else
        SPAN_END(&lane->span, SPAN_HANDLE, failed, kv_cstr("outcome", outcome),
                 kv_cstr("error_code", code));
    lane->span.start_ns = 0;
}
