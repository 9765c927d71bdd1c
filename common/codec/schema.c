/* SPDX-License-Identifier: Apache-2.0 */
/* A schema document is compiled into nodes, one per subschema, in two passes: first the keywords of
 * every node, then the references between them. */
#include "codec/schema.h"

#include "base/hex.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/schema_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest chain of $ref, anyOf and oneOf on one value; a longer one is taken for a circle. */
enum { CHAIN_MAX = 16, NUMBER_TEXT_MAX = 32 };

#define DIALECT "https://json-schema.org/draft/2020-12/schema"

struct compiler {
    struct schema *schema;
    struct err *err;
};

struct keyword;
typedef enum status keyword_fn(struct compiler *c, struct node *n, const struct keyword *keyword,
                               const struct json *value);

struct keyword {
    const char *name;
    keyword_fn *compile;
    size_t field; /* offset in struct node, for functions that serve several
                     keywords */
};

static const struct {
    const char *name;
    unsigned bit;
} type_names[] = {
    {"null", TYPE_NULL},     {"boolean", TYPE_BOOLEAN}, {"integer", TYPE_INTEGER},
    {"number", TYPE_NUMBER}, {"string", TYPE_STRING},   {"array", TYPE_ARRAY},
    {"object", TYPE_OBJECT},
};

const char *schema_type_name(unsigned type_bit)
{
    for (size_t i = 0; i < COUNT_OF(type_names); i++)
        if (type_names[i].bit == type_bit)
            return type_names[i].name;
    return NULL;
}

static enum status ill_formed(struct compiler *c, const struct node *n, const char *keyword,
                              const char *what)
{
    return err_fatal(c->err, "schema", "%s: %s %s", n->where, keyword, what);
}

static enum status no_memory(struct compiler *c)
{
    return err_fatal(c->err, "memory", "no memory for a schema");
}

/* Makes the node of a subschema; its keywords are read when its turn in the list comes. */
static enum status add_node(struct compiler *c, const struct json *source, const char *where,
                            struct node **out)
{
    struct schema *s = c->schema;
    struct node *n;

    if (!where)
        return no_memory(c);
    if (!json_is(source, JSON_OBJECT) && !json_is(source, JSON_BOOL))
        return err_fatal(c->err, "schema", "%s: must be an object or a boolean", where);
    n = arena_alloc(&s->arena, sizeof(*n));
    if (!n)
        return no_memory(c);
    *n = (struct node){.source = source, .where = where};
    n->min_items = n->max_items = n->min_length = n->max_length = n->max_bytes = -1;
    if (s->last)
        s->last->next = n;
    else
        s->first = n;
    s->last = n;
    *out = n;
    return ST_OK;
}

static const char *below(struct compiler *c, const struct node *n, const char *keyword,
                         struct str step)
{
    return arena_printf(&c->schema->arena, "%s/%s%s%.*s", n->where, keyword, step.len ? "/" : "",
                        STR_ARG(step))
        .ptr;
}

static void *field_of(struct node *n, const struct keyword *keyword)
{
    return (char *)n + keyword->field;
}

static enum status compile_nothing(struct compiler *c, struct node *n,
                                   const struct keyword *keyword, const struct json *value)
{
    (void)c;
    (void)n;
    (void)keyword;
    (void)value;
    return ST_OK;
}

static enum status compile_dialect(struct compiler *c, struct node *n,
                                   const struct keyword *keyword, const struct json *value)
{
    if (!str_eq_cstr(json_str(value), DIALECT))
        return ill_formed(c, n, keyword->name, "must be " DIALECT);
    return ST_OK;
}

static enum status compile_id(struct compiler *c, struct node *n, const struct keyword *keyword,
                              const struct json *value)
{
    struct str ignored;

    if (n != c->schema->first)
        return ill_formed(c, n, keyword->name, "stands at the root only");
    /* Without the empty fragment that a $id may end in. */
    if (!str_cut(json_str(value), '#', &c->schema->id, &ignored) || !str_is_empty(ignored))
        return ill_formed(c, n, keyword->name, "must be a URI without a fragment");
    return ST_OK;
}

static bool add_type(struct node *n, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(type_names); i++) {
        if (!str_eq_cstr(name, type_names[i].name))
            continue;
        n->types |= type_names[i].bit;
        return true;
    }
    return false;
}

static enum status compile_type(struct compiler *c, struct node *n, const struct keyword *keyword,
                                const struct json *value)
{
    bool known = json_is(value, JSON_ARRAY) ? json_len(value) > 0 : add_type(n, json_str(value));

    for (size_t i = 0; known && i < json_len(value); i++)
        known = add_type(n, json_str(json_at(value, i)));
    return known ? ST_OK : ill_formed(c, n, keyword->name, "names an unknown type");
}

static enum status compile_enum(struct compiler *c, struct node *n, const struct keyword *keyword,
                                const struct json *value)
{
    if (!json_is(value, JSON_ARRAY))
        return ill_formed(c, n, keyword->name, "must be an array");
    n->enumeration = value;
    return ST_OK;
}

static enum status compile_const(struct compiler *c, struct node *n, const struct keyword *keyword,
                                 const struct json *value)
{
    (void)c;
    (void)keyword;
    n->constant = value;
    n->has_constant = true;
    return ST_OK;
}

static enum status compile_bound(struct compiler *c, struct node *n, const struct keyword *keyword,
                                 const struct json *value)
{
    const struct json **bound = field_of(n, keyword);
    double number;

    if (json_is(value, JSON_STRING) || !json_double(value, &number))
        return ill_formed(c, n, keyword->name, "must be a number");
    *bound = value;
    return ST_OK;
}

static enum status compile_count(struct compiler *c, struct node *n, const struct keyword *keyword,
                                 const struct json *value)
{
    int64_t *count = field_of(n, keyword);

    if (!json_is_whole(value) || !json_i64(value, count) || *count < 0)
        return ill_formed(c, n, keyword->name, "must be a whole number, not below 0");
    return ST_OK;
}

static enum status compile_format(struct compiler *c, struct node *n, const struct keyword *keyword,
                                  const struct json *value)
{
    n->format = schema_format_find(json_str(value));
    return n->format ? ST_OK : ill_formed(c, n, keyword->name, "is not one kabao knows");
}

static enum status compile_required(struct compiler *c, struct node *n,
                                    const struct keyword *keyword, const struct json *value)
{
    bool names = json_is(value, JSON_ARRAY);

    for (size_t i = 0; names && i < json_len(value); i++)
        names = json_is(json_at(value, i), JSON_STRING);
    n->required = value;
    return names ? ST_OK : ill_formed(c, n, keyword->name, "must be an array of names");
}

static int compare_properties(const void *a, const void *b)
{
    return str_cmp(((const struct property *)a)->name, ((const struct property *)b)->name);
}

static enum status compile_properties(struct compiler *c, struct node *n,
                                      const struct keyword *keyword, const struct json *value)
{
    if (!json_is(value, JSON_OBJECT))
        return ill_formed(c, n, keyword->name, "must be an object");
    n->properties = arena_alloc(&c->schema->arena, (json_len(value) + 1) * sizeof(*n->properties));
    if (!n->properties)
        return no_memory(c);
    for (struct json_iter i = json_iter(value); json_next(&i);) {
        struct property *property = &n->properties[n->property_count++];
        enum status rc;

        property->name = i.key;
        rc = add_node(c, i.value, below(c, n, keyword->name, i.key), &property->node);
        if (rc != ST_OK)
            return rc;
    }
    qsort(n->properties, n->property_count, sizeof(*n->properties), compare_properties);
    return ST_OK;
}

static enum status compile_defs(struct compiler *c, struct node *n, const struct keyword *keyword,
                                const struct json *value)
{
    struct node *ignored;

    if (!json_is(value, JSON_OBJECT))
        return ill_formed(c, n, keyword->name, "must be an object");
    for (struct json_iter i = json_iter(value); json_next(&i);) {
        enum status rc = add_node(c, i.value, below(c, n, keyword->name, i.key), &ignored);

        if (rc != ST_OK)
            return rc;
    }
    return ST_OK;
}

static enum status compile_subschema(struct compiler *c, struct node *n,
                                     const struct keyword *keyword, const struct json *value)
{
    return add_node(c, value, below(c, n, keyword->name, STR("")), field_of(n, keyword));
}

static enum status compile_alternatives(struct compiler *c, struct node *n,
                                        const struct keyword *keyword, const struct json *value)
{
    struct node_list *list = field_of(n, keyword);

    if (!json_is(value, JSON_ARRAY) || json_len(value) == 0)
        return ill_formed(c, n, keyword->name, "must be an array of schemas");
    list->nodes = arena_alloc(&c->schema->arena, json_len(value) * sizeof(struct node *));
    if (!list->nodes)
        return no_memory(c);
    for (; list->count < json_len(value); list->count++) {
        char number[NUMBER_TEXT_MAX];
        enum status rc;

        (void)snprintf(number, sizeof(number), "%zu", list->count);
        rc = add_node(c, json_at(value, list->count), below(c, n, keyword->name, str_from(number)),
                      &list->nodes[list->count]);
        if (rc != ST_OK)
            return rc;
    }
    return ST_OK;
}

static enum status compile_ref(struct compiler *c, struct node *n, const struct keyword *keyword,
                               const struct json *value)
{
    n->reference = json_str(value);
    return str_is_set(n->reference) ? ST_OK : ill_formed(c, n, keyword->name, "must be a string");
}

#define FIELD(name) offsetof(struct node, name)

static const struct keyword keywords[] = {
    {"$schema", compile_dialect, 0},
    {"$id", compile_id, 0},
    {"$comment", compile_nothing, 0},
    {"title", compile_nothing, 0},
    {"description", compile_nothing, 0},
    {"examples", compile_nothing, 0},
    {"default", compile_nothing, 0},
    {"deprecated", compile_nothing, 0},
    {"$defs", compile_defs, 0},
    {"$ref", compile_ref, 0},
    {"type", compile_type, 0},
    {"enum", compile_enum, 0},
    {"const", compile_const, 0},
    {"minimum", compile_bound, FIELD(minimum)},
    {"maximum", compile_bound, FIELD(maximum)},
    {"minLength", compile_count, FIELD(min_length)},
    {"maxLength", compile_count, FIELD(max_length)},
    {"x-maxBytes", compile_count, FIELD(max_bytes)},
    {"format", compile_format, 0},
    {"minItems", compile_count, FIELD(min_items)},
    {"maxItems", compile_count, FIELD(max_items)},
    {"items", compile_subschema, FIELD(items)},
    {"required", compile_required, 0},
    {"properties", compile_properties, 0},
    {"additionalProperties", compile_subschema, FIELD(additional)},
    {"anyOf", compile_alternatives, FIELD(any_of)},
    {"oneOf", compile_alternatives, FIELD(one_of)},
};

static const struct keyword *find_keyword(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(keywords); i++)
        if (str_eq_cstr(name, keywords[i].name))
            return &keywords[i];
    return NULL;
}

static enum status compile_node(struct compiler *c, struct node *n)
{
    bool flag = true;

    if (json_bool(n->source, &flag))
        n->never = !flag;
    for (struct json_iter i = json_iter(n->source); json_next(&i);) {
        const struct keyword *keyword = find_keyword(i.key);
        enum status rc;

        if (!keyword)
            return err_fatal(c->err, "schema", "%s: unknown keyword \"%.*s\"", n->where,
                             STR_ARG(i.key));
        rc = keyword->compile(c, n, keyword, i.value);
        if (rc != ST_OK)
            return rc;
    }
    return ST_OK;
}

static struct node *find_node(const struct schema *s, const struct json *source)
{
    struct node *n = s->first;

    while (n && n->source != source)
        n = n->next;
    return n;
}

/* What stands behind the "#"; absent when the reference leaves the document. */
static struct str local_fragment(struct str id, struct str reference)
{
    struct str base;
    struct str fragment;

    if (!str_cut(reference, '#', &base, &fragment))
        return str_from(NULL);
    if (!str_is_empty(base) && !str_eq(base, id))
        return str_from(NULL);
    return str_is_set(fragment) ? fragment : STR("");
}

/* In place; false for a broken %XX and for a NUL. */
static bool decode_percent(char *text)
{
    char *out = text;

    for (const char *in = text; *in; in++) {
        uint8_t byte = (uint8_t)*in;

        if (*in == '%') {
            if (!hex_parse(str_of(in + 1, strnlen(in + 1, 2)), &byte, 1) || byte == 0)
                return false;
            in += 2;
        }
        *out++ = (char)byte;
    }
    *out = '\0';
    return true;
}

/* RFC 6901, section 4, in place. */
static void decode_tildes(char *token)
{
    char *out = token;

    for (const char *in = token; *in; in++) {
        bool escape = in[0] == '~' && (in[1] == '0' || in[1] == '1');

        if (!escape)
            *out++ = *in;
        else
            *out++ = *++in == '0' ? '~' : '/';
    }
    *out = '\0';
}

static const struct json *step_into(const struct json *value, const char *token)
{
    uint64_t index;

    if (!json_is(value, JSON_ARRAY))
        return json_get(value, token);
    if (!num_parse_u64(str_from(token), 0, SIZE_MAX, &index))
        return NULL;
    return json_at(value, (size_t)index);
}

/* Follows a JSON Pointer, which it takes apart; NULL when it leads nowhere. */
static const struct json *follow(const struct json *value, char *pointer)
{
    char *token = pointer;

    while (value && *token == '/') {
        char *end = strchrnul(++token, '/');
        char separator = *end;

        *end = '\0';
        decode_tildes(token);
        value = step_into(value, token);
        *end = separator;
        token = end;
    }
    return *token == '\0' ? value : NULL;
}

static enum status resolve(struct compiler *c, struct node *n)
{
    struct schema *s = c->schema;
    struct str fragment = local_fragment(s->id, n->reference);
    char *pointer;

    if (!str_is_set(fragment))
        return ill_formed(c, n, "$ref", "leaves the document");
    pointer = arena_cstr(&s->arena, fragment);
    if (!pointer)
        return no_memory(c);
    if (decode_percent(pointer))
        n->target = find_node(s, follow(s->document, pointer));
    return n->target ? ST_OK : ill_formed(c, n, "$ref", "points at no schema");
}

static int taller(int height, const struct node *below)
{
    return below && below->height + 1 > height ? below->height + 1 : height;
}

static int measure(const struct node *n)
{
    int height = taller(0, n->target);

    for (size_t i = 0; i < n->any_of.count; i++)
        height = taller(height, n->any_of.nodes[i]);
    for (size_t i = 0; i < n->one_of.count; i++)
        height = taller(height, n->one_of.nodes[i]);
    return height;
}

/* Heights grow round by round until nothing changes; in a circle they grow past the bound. */
static enum status refuse_circles(struct compiler *c)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (struct node *n = c->schema->first; n; n = n->next) {
            int height = measure(n);

            if (height > CHAIN_MAX)
                return ill_formed(c, n, "$ref, anyOf, oneOf", "go in a circle or too deep");
            changed = changed || height != n->height;
            n->height = height;
        }
    }
    return ST_OK;
}

static enum status compile_all(struct compiler *c)
{
    struct node *root;
    enum status rc = add_node(c, c->schema->document, "#", &root);

    for (struct node *n = c->schema->first; rc == ST_OK && n; n = n->next)
        rc = compile_node(c, n);
    for (struct node *n = c->schema->first; rc == ST_OK && n; n = n->next)
        if (str_is_set(n->reference))
            rc = resolve(c, n);
    return rc == ST_OK ? refuse_circles(c) : rc;
}

enum status schema_compile(struct str text, struct schema **out, struct err *err)
{
    AUTO(schema_freep) struct schema *s = mem_zalloc(sizeof(*s));
    struct compiler compiler = {.schema = s, .err = err};
    struct err cause;
    enum status rc;

    if (!s)
        return no_memory(&compiler);
    rc = json_parse(text, &s->document, &cause);
    if (rc != ST_OK)
        return err_fatal(err, "schema", "%s", cause.text);
    rc = compile_all(&compiler);
    if (rc == ST_OK)
        *out = TAKE(s);
    return rc;
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    arena_done(&s->arena);
    json_free(s->document);
    mem_free(s);
}
