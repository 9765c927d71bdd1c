/* SPDX-License-Identifier: Apache-2.0 */
/* traceparent: "00-" trace id "-" span id "-" flags. */
#include "trace/trace.h"

#include "base/hex.h"

#include <string.h>

enum {
    SPAN_ID_LEN = TRACE_SPAN_ID_SIZE - 1,
    TRACE_ID_AT = 3,
    SPAN_ID_AT = TRACE_ID_AT + TRACE_ID_LEN + 1,
    FLAGS_AT = SPAN_ID_AT + SPAN_ID_LEN + 1,
    TEXT_LEN = TRACE_TEXT_SIZE - 1,
};

static bool is_lower_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(s.ptr[i] >= '0' && s.ptr[i] <= '9') && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
            return false;
    return true;
}

static bool is_zero(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != '0')
            return false;
    return true;
}

/* A random id, never all zero; its closing NUL is overwritten by the caller. Without a pool the
 * bytes come from the kernel. */
static void put_id(struct rand_pool *pool, char *out, size_t len)
{
    uint8_t bytes[TRACE_ID_LEN / 2];

    do {
        if (pool != NULL)
            rand_pool_take(pool, bytes, len / 2);
        else
            rand_bytes(bytes, len / 2);
        hex_format(bytes, len / 2, out);
    } while (is_zero(str_of(out, len)));
}

void trace_start_pooled(struct rand_pool *pool, struct trace *out)
{
    memcpy(out->text, "00-", TRACE_ID_AT);
    put_id(pool, out->text + TRACE_ID_AT, TRACE_ID_LEN);
    out->text[SPAN_ID_AT - 1] = '-';
    put_id(pool, out->text + SPAN_ID_AT, SPAN_ID_LEN);
    memcpy(out->text + FLAGS_AT - 1, "-01", sizeof("-01"));
}

void trace_start(struct trace *out)
{
    trace_start_pooled(NULL, out);
}

/* The first 55 characters of a traceparent of any version. */
static bool is_well_formed(const char *text)
{
    const struct str version = str_of(text, 2);
    const struct str id = str_of(text + TRACE_ID_AT, TRACE_ID_LEN);
    const struct str span = str_of(text + SPAN_ID_AT, SPAN_ID_LEN);
    const struct str flags = str_of(text + FLAGS_AT, 2);

    if (text[TRACE_ID_AT - 1] != '-' || text[SPAN_ID_AT - 1] != '-' || text[FLAGS_AT - 1] != '-')
        return false;
    if (!is_lower_hex(version) || !is_lower_hex(id) || !is_lower_hex(span) || !is_lower_hex(flags))
        return false;
    return !is_zero(id) && !is_zero(span) && !str_eq(version, STR("ff"));
}

/* Later versions may carry more after the flags; what is known of them is read as version 00
 * (section "Versioning of traceparent"). */
bool trace_parse(struct str text, struct trace *out)
{
    if (text.len < TEXT_LEN || !is_well_formed(text.ptr))
        return false;
    if (text.len > TEXT_LEN && (str_starts(text, STR("00")) || text.ptr[TEXT_LEN] != '-'))
        return false;
    memcpy(out->text, "00", 2);
    memcpy(out->text + 2, text.ptr + 2, TEXT_LEN - 2);
    out->text[TEXT_LEN] = '\0';
    return true;
}

void trace_child_pooled(struct rand_pool *pool, const struct trace *parent, struct trace *out)
{
    if (out != parent)
        *out = *parent;
    put_id(pool, out->text + SPAN_ID_AT, SPAN_ID_LEN);
    out->text[FLAGS_AT - 1] = '-';
}

void trace_child(const struct trace *parent, struct trace *out)
{
    trace_child_pooled(NULL, parent, out);
}

struct str trace_id(const struct trace *t)
{
    return t->text[0] ? str_of(t->text + TRACE_ID_AT, TRACE_ID_LEN) : (struct str){0};
}

struct str trace_span_id(const struct trace *t)
{
    return str_of(t->text + SPAN_ID_AT, SPAN_ID_LEN);
}

bool trace_is_sampled(const struct trace *t)
{
    const char low = t->text[FLAGS_AT + 1];

    return ((low <= '9' ? low - '0' : low - 'a' + 10) & 1) != 0;
}

struct str trace_text(const struct trace *t)
{
    return str_from(t->text);
}
