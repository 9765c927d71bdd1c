/* SPDX-License-Identifier: Apache-2.0 */
/* Walks compiled schema and instance together. The walk goes on after a violation where an earlier
 * one may still come to light ($ref and alternatives look at the same value again), and keeps the
 * one that stands first in the instance. */
#include "codec/schema.h"
#include "codec/schema_node.h"
#include "codec/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames on the stack (a lane has 256 KiB), and visits in all: far above what a body of a few MiB
 * needs, far below what alternatives within alternatives can ask for. */
enum { NESTING_MAX = 128, STEPS_MAX = 4000000, NUMBER_TEXT_MAX = 32 };

struct place {
    struct str key; /* absent in an array */
    size_t index;   /* in document order, of members too */
};

struct walk {
    struct place path[JSON_DEPTH_MAX];
    size_t depth;
    int nesting;
    int steps;
    bool quiet;     /* inside an alternative: only the answer counts */
    bool exhausted; /* a bound was reached: nothing further holds */

    struct schema_fault *fault; /* the first violation so far, when found */
    bool found;
    size_t order[JSON_DEPTH_MAX]; /* its place */
    size_t order_depth;

    struct walk *side; /* where alternatives are explained; NULL there itself */
};

/* Appends to a text of fixed size, cut between characters. */
struct pen {
    char *out;
    size_t room; /* the closing NUL apart */
};

static void write_text(struct pen *pen, struct str text)
{
    struct str head = utf8_cut(text, pen->room);

    if (head.len > 0)
        memcpy(pen->out, head.ptr, head.len);
    pen->out += head.len;
    pen->room = head.len < text.len ? 0 : pen->room - head.len;
    *pen->out = '\0';
}

static void write_cstr(struct pen *pen, const char *text)
{
    write_text(pen, str_from(text));
}

/* "~" and "/" stand for themselves as ~0 and ~1 (RFC 6901), which are never cut in two. */
static void write_escaped(struct pen *pen, char c)
{
    if (pen->room < 2)
        pen->room = 0;
    write_cstr(pen, c == '~' ? "~0" : "~1");
}

static void write_step(struct pen *pen, struct str key)
{
    size_t start = 0;

    write_cstr(pen, "/");
    for (size_t at = 0; at < key.len; at++) {
        if (key.ptr[at] != '~' && key.ptr[at] != '/')
            continue;
        write_text(pen, str_of(key.ptr + start, at - start));
        write_escaped(pen, key.ptr[at]);
        start = at + 1;
    }
    write_text(pen, str_of(key.ptr + start, key.len - start));
}

static void write_pointer(const struct walk *w, struct str member)
{
    struct pen pen = {w->fault->pointer, sizeof(w->fault->pointer) - 1};
    char index[NUMBER_TEXT_MAX];

    *pen.out = '\0';
    for (size_t i = 0; i < w->depth; i++) {
        (void)snprintf(index, sizeof(index), "%zu", w->path[i].index);
        write_step(&pen, str_is_set(w->path[i].key) ? w->path[i].key : str_from(index));
    }
    if (str_is_set(member))
        write_step(&pen, member);
}

/* Whether the present place stands before the violation kept so far; a value before its members. */
static bool is_earlier(const struct walk *w)
{
    for (size_t i = 0; i < w->depth && i < w->order_depth; i++)
        if (w->path[i].index != w->order[i])
            return w->path[i].index < w->order[i];
    return w->depth < w->order_depth;
}

/* Makes the present place the violation, unless an earlier one is known; false when it did not. */
static bool keep_place(struct walk *w, struct str member)
{
    if (w->quiet || (w->found && !is_earlier(w)))
        return false;
    w->found = true;
    for (w->order_depth = 0; w->order_depth < w->depth; w->order_depth++)
        w->order[w->order_depth] = w->path[w->order_depth].index;
    write_pointer(w, member);
    return true;
}

/* Returns false, so that a violation is one statement. */
static bool violation(struct walk *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool violation(struct walk *w, const char *fmt, ...)
{
    va_list args;

    if (!keep_place(w, str_from(NULL)))
        return false;
    va_start(args, fmt);
    (void)vsnprintf(w->fault->detail, sizeof(w->fault->detail), fmt, args);
    va_end(args);
    return false;
}

static bool missing(struct walk *w, struct str member)
{
    if (keep_place(w, member))
        (void)str_copy(STR("is required"), w->fault->detail, sizeof(w->fault->detail));
    return false;
}

static unsigned types_of(const struct json *value)
{
    switch (json_type(value)) {
    case JSON_NULL: return TYPE_NULL;
    case JSON_BOOL: return TYPE_BOOLEAN;
    case JSON_INT: return TYPE_INTEGER | TYPE_NUMBER;
    case JSON_STRING: return TYPE_STRING;
    case JSON_ARRAY: return TYPE_ARRAY;
    case JSON_OBJECT: return TYPE_OBJECT;
    case JSON_DOUBLE: break;
    }
    return json_is_whole(value) ? TYPE_INTEGER | TYPE_NUMBER : TYPE_NUMBER;
}

static bool check_type(struct walk *w, const struct node *n, const struct json *value)
{
    char names[SCHEMA_DETAIL_MAX] = "";
    struct pen pen = {names, sizeof(names) - 1};

    if (n->types == 0 || (n->types & types_of(value)))
        return true;
    for (unsigned bit = 1; bit <= TYPE_OBJECT && !w->quiet; bit <<= 1) {
        if (!(n->types & bit))
            continue;
        write_cstr(&pen, *names ? " or " : "");
        write_cstr(&pen, schema_type_name(bit));
    }
    return violation(w, "must be %s", names);
}

/* Names what is allowed where that is a list of words. */
static bool violation_of_enum(struct walk *w, const struct json *allowed)
{
    char words[SCHEMA_DETAIL_MAX] = "";
    struct pen pen = {words, sizeof(words) - sizeof("must be one of ")};

    for (size_t i = 0; i < json_len(allowed); i++) {
        struct str word = json_str(json_at(allowed, i));

        if (!str_is_set(word))
            return violation(w, "is not one of the allowed values");
        write_cstr(&pen, i > 0 ? ", " : "");
        write_text(&pen, word);
    }
    return violation(w, "must be one of %s", words);
}

static bool check_values(struct walk *w, const struct node *n, const struct json *value)
{
    if (n->has_constant && !json_equal(n->constant, value)) {
        struct str word = json_str(n->constant);

        if (str_is_set(word))
            return violation(w, "must be %.*s", STR_ARG(utf8_cut(word, SCHEMA_DETAIL_MAX / 2)));
        return violation(w, "is not the one allowed value");
    }
    if (!n->enumeration)
        return true;
    for (size_t i = 0; i < json_len(n->enumeration); i++)
        if (json_equal(json_at(n->enumeration, i), value))
            return true;
    return violation_of_enum(w, n->enumeration);
}

/* Below zero, zero, above zero; the caller has seen to both being numbers within a double. */
static int compare_numbers(const struct json *a, const struct json *b)
{
    int64_t whole_a = 0;
    int64_t whole_b = 0;
    double x = 0;
    double y = 0;

    if (json_is(a, JSON_INT) && json_is(b, JSON_INT)) {
        (void)json_i64(a, &whole_a);
        (void)json_i64(b, &whole_b);
        return (whole_a > whole_b) - (whole_a < whole_b);
    }
    (void)json_double(a, &x);
    (void)json_double(b, &y);
    return (x > y) - (x < y);
}

static bool violation_of_bound(struct walk *w, const char *side, const struct json *bound)
{
    int64_t whole = 0;
    double number = 0;

    if (json_is(bound, JSON_INT) && json_i64(bound, &whole))
        return violation(w, "must be at %s %" PRId64, side, whole);
    (void)json_double(bound, &number);
    return violation(w, "must be at %s %g", side, number);
}

static bool check_number(struct walk *w, const struct node *n, const struct json *value)
{
    double number;

    if (!n->minimum && !n->maximum)
        return true;
    if (!json_double(value, &number))
        return violation(w, "is out of range");
    if (n->minimum && compare_numbers(value, n->minimum) < 0)
        return violation_of_bound(w, "least", n->minimum);
    if (n->maximum && compare_numbers(value, n->maximum) > 0)
        return violation_of_bound(w, "most", n->maximum);
    return true;
}

static bool check_count(struct walk *w, size_t count, int64_t least, int64_t most, const char *unit)
{
    if (least >= 0 && count < (uint64_t)least)
        return violation(w, "must be at least %" PRId64 " %s", least, unit);
    if (most >= 0 && count > (uint64_t)most)
        return violation(w, "must be at most %" PRId64 " %s", most, unit);
    return true;
}

static bool check_string(struct walk *w, const struct node *n, struct str text)
{
    if ((n->min_length >= 0 || n->max_length >= 0) &&
        !check_count(w, utf8_length(text), n->min_length, n->max_length, "characters"))
        return false;
    if (!check_count(w, text.len, -1, n->max_bytes, "bytes"))
        return false;
    if (n->format && !n->format->holds(text))
        return violation(w, "is no %s", n->format->name);
    return true;
}

static bool check_required(struct walk *w, const struct node *n, const struct json *object)
{
    for (size_t i = 0; i < json_len(n->required); i++) {
        struct str name = json_str(json_at(n->required, i));

        if (!json_has(object, name.ptr))
            return missing(w, name);
    }
    return true;
}

static bool check_own(struct walk *w, const struct node *n, const struct json *value)
{
    if (n->never)
        return violation(w, "is not allowed");
    if (!check_type(w, n, value) || !check_values(w, n, value))
        return false;
    switch (json_type(value)) {
    case JSON_INT:
    case JSON_DOUBLE: return check_number(w, n, value);
    case JSON_STRING: return check_string(w, n, json_str(value));
    case JSON_ARRAY: return check_count(w, json_len(value), n->min_items, n->max_items, "items");
    case JSON_OBJECT: return check_required(w, n, value);
    case JSON_NULL:
    case JSON_BOOL: break;
    }
    return true;
}

static bool check_node(struct walk *w, const struct node *n, const struct json *value);

/* NOLINTNEXTLINE(misc-no-recursion): bounded by NESTING_MAX. */
static bool check_child(struct walk *w, const struct node *n, struct place place,
                        const struct json *value)
{
    bool ok;

    if (!n)
        return true;
    assert(w->depth < COUNT_OF(w->path));
    w->path[w->depth++] = place;
    ok = check_node(w, n, value);
    w->depth--;
    return ok;
}

static int compare_name(const void *name, const void *property)
{
    return str_cmp(*(const struct str *)name, ((const struct property *)property)->name);
}

static const struct node *member_schema(const struct node *n, struct str name)
{
    const struct property *property = NULL;

    if (n->property_count > 0)
        property =
            bsearch(&name, n->properties, n->property_count, sizeof(*property), compare_name);
    return property ? property->node : n->additional;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by NESTING_MAX. */
static bool check_children(struct walk *w, const struct node *n, const struct json *value)
{
    struct place place = {.index = 0};

    if (n->items && json_is(value, JSON_ARRAY))
        for (; place.index < json_len(value); place.index++)
            if (!check_child(w, n->items, place, json_at(value, place.index)))
                return false;
    if (n->property_count == 0 && !n->additional)
        return true;
    for (struct json_iter i = json_iter(value); json_next(&i); place.index++) {
        place.key = i.key;
        if (!check_child(w, member_schema(n, i.key), place, i.value))
            return false;
    }
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by NESTING_MAX. */
static bool holds(struct walk *w, const struct node *n, const struct json *value)
{
    bool was_quiet = w->quiet;
    bool ok;

    w->quiet = true;
    ok = check_node(w, n, value);
    w->quiet = was_quiet;
    return ok;
}

/* "fits none of 2 alternatives: /a is required; /b is required". The branches are walked once more,
 * on the side, where alternatives within them are not explained again. */
/* NOLINTNEXTLINE(misc-no-recursion): one level deep. */
static void explain(struct walk *w, const struct node_list *list, const struct json *value)
{
    struct walk *side = w->side;
    struct pen pen = {w->fault->detail, sizeof(w->fault->detail) - 1};
    size_t len = strlen(w->fault->detail);

    pen.out += len;
    pen.room -= len;
    for (size_t i = 0; i < list->count; i++) {
        memcpy(side->path, w->path, sizeof(w->path));
        side->depth = w->depth;
        side->nesting = w->nesting;
        side->steps = w->steps;
        side->found = false;
        (void)check_node(side, list->nodes[i], value);
        write_cstr(&pen, i == 0 ? ": " : "; ");
        write_cstr(&pen, side->fault->pointer);
        write_cstr(&pen, *side->fault->pointer ? " " : "");
        write_cstr(&pen, side->fault->detail);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by NESTING_MAX. */
static bool violation_of_none(struct walk *w, const struct node_list *list,
                              const struct json *value)
{
    if (!keep_place(w, str_from(NULL)))
        return false;
    (void)snprintf(w->fault->detail, sizeof(w->fault->detail), "fits none of %zu alternatives",
                   list->count);
    if (w->side)
        explain(w, list, value);
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by NESTING_MAX. */
static bool check_any_of(struct walk *w, const struct node_list *list, const struct json *value)
{
    for (size_t i = 0; i < list->count; i++)
        if (holds(w, list->nodes[i], value))
            return true;
    return list->count == 0 || violation_of_none(w, list, value);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by NESTING_MAX. */
static bool check_one_of(struct walk *w, const struct node_list *list, const struct json *value)
{
    size_t fitting = 0;

    for (size_t i = 0; i < list->count && fitting < 2; i++)
        fitting += holds(w, list->nodes[i], value);
    if (fitting > 1)
        return violation(w, "fits more than one of %zu alternatives", list->count);
    return list->count == 0 || fitting == 1 || violation_of_none(w, list, value);
}

/* All that looks at the same value; in earnest the walk goes on, an earlier violation may
 * follow. */
/* NOLINTNEXTLINE(misc-no-recursion): bounded by NESTING_MAX. */
static bool check_all(struct walk *w, const struct node *n, const struct json *value)
{
    bool ok = check_own(w, n, value) && check_children(w, n, value);

    if (n->target && (ok || !w->quiet))
        ok = check_node(w, n->target, value) && ok;
    if (ok || !w->quiet)
        ok = check_any_of(w, &n->any_of, value) && ok;
    if (ok || !w->quiet)
        ok = check_one_of(w, &n->one_of, value) && ok;
    return ok;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by NESTING_MAX. */
static bool check_node(struct walk *w, const struct node *n, const struct json *value)
{
    bool ok;

    if (w->nesting >= NESTING_MAX || w->steps >= STEPS_MAX)
        w->exhausted = true;
    if (w->exhausted)
        return violation(w, "is too complex to check");
    w->steps++;
    w->nesting++;
    ok = check_all(w, n, value);
    w->nesting--;
    return ok;
}

enum status schema_check(const struct schema *s, const struct json *instance,
                         struct schema_fault *fault, struct err *err)
{
    struct schema_fault first = {.pointer = ""};
    struct schema_fault aside = {.pointer = ""};
    struct walk side = {.fault = &aside};
    struct walk walk = {.fault = &first, .side = &side};

    if (check_node(&walk, s->first, instance) && !walk.exhausted)
        return ST_OK;
    if (!walk.found)
        (void)violation(&walk, "is too complex to check");
    if (fault)
        *fault = first;
    return err_reject(err, REASON_SCHEMA, "schema", "%s %s",
                      *first.pointer ? first.pointer : "the whole", first.detail);
}
