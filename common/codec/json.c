/* SPDX-License-Identifier: Apache-2.0 */
/* json-c behind a strict door. Even in its strict mode json-c 0.16 takes NaN, "-01", "1." and raw
 * control characters, cuts keys at \u0000, saturates large numbers and keeps the last of two equal
 * keys, all in silence; so a scan over the tokens comes first and only structure is left to it. */
#include "codec/json.h"

#include "base/num.h"
#include "codec/utf8.h"

/* NOLINTBEGIN(readability-identifier-naming): json-c has types of these names, which are given
 * others here before both meet. */
#define json_type json_c_type
#define json_bool json_c_bool
/* NOLINTEND(readability-identifier-naming) */
#include <json-c/json.h>
#include <json-c/json_visit.h>
#undef json_type
#undef json_bool

#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* 2^63, exact as a double; INT64_MAX itself is not. */
#define INT64_LIMIT 9223372036854775808.0

/* An empty object takes json-c 750 bytes for the two it is written with. */
enum { CONTAINERS_MAX = 65536 };

struct scan {
    struct str text;
    size_t at;
    int depth;
    size_t containers;
    size_t members;  /* colons outside strings: one for each member as written */
    bool nul_in_key; /* of the string just passed, which is a key when a colon
                        follows */
    const char *fault;
};

/* struct json is json_object under another name. */
static struct json *outer(struct json_object *object)
{
    return (struct json *)object;
}

/* json-c declares getters without const although they only read. */
static struct json_object *inner(const struct json *value)
{
    const union {
        const struct json *outer; /* cppcheck-suppress unusedStructMember; by the initialiser */
        struct json_object *inner;
    } pointer = {.outer = value};

    return pointer.inner;
}

static bool fail(struct scan *s, const char *fault)
{
    s->fault = fault;
    return false;
}

static char peek(const struct scan *s, size_t ahead)
{
    return s->text.len - s->at > ahead ? s->text.ptr[s->at + ahead] : '\0';
}

static bool scan_string(struct scan *s)
{
    s->nul_in_key = false;
    for (s->at++; s->at < s->text.len; s->at++) {
        char c = s->text.ptr[s->at];

        if (c == '"') {
            s->at++;
            return true;
        }
        if ((unsigned char)c < 0x20)
            return fail(s, "control character in a string");
        if (c != '\\')
            continue;
        if (str_starts(str_skip(s->text, s->at), STR("\\u0000")))
            s->nul_in_key = true;
        s->at++;
    }
    return fail(s, "string without an end");
}

static size_t skip_digits(struct scan *s)
{
    size_t start = s->at;

    while (peek(s, 0) >= '0' && peek(s, 0) <= '9')
        s->at++;
    return s->at - start;
}

static bool fits_64_bits(struct str digits)
{
    int64_t whole;
    uint64_t large;

    return num_parse_i64(digits, INT64_MIN, INT64_MAX, &whole) ||
           num_parse_u64(digits, 0, UINT64_MAX, &large);
}

static bool scan_fraction(struct scan *s)
{
    if (peek(s, 0) != '.')
        return true;
    s->at++;
    return skip_digits(s) > 0 || fail(s, "fraction without digits");
}

static bool scan_exponent(struct scan *s)
{
    if (peek(s, 0) != 'e' && peek(s, 0) != 'E')
        return true;
    s->at += peek(s, 1) == '+' || peek(s, 1) == '-' ? 2 : 1;
    return skip_digits(s) > 0 || fail(s, "exponent without digits");
}

static bool scan_number(struct scan *s)
{
    size_t start = s->at;
    size_t digits;

    if (peek(s, 0) == '-')
        s->at++;
    digits = skip_digits(s);
    if (digits == 0)
        return fail(s, "number without digits");
    if (digits > 1 && s->text.ptr[s->at - digits] == '0')
        return fail(s, "number with a leading zero");
    if (peek(s, 0) != '.' && peek(s, 0) != 'e' && peek(s, 0) != 'E')
        return fits_64_bits(str_of(s->text.ptr + start, s->at - start)) ||
               fail(s, "number out of range");
    return scan_fraction(s) && scan_exponent(s);
}

static bool scan_literal(struct scan *s, struct str literal)
{
    if (!str_starts(str_skip(s->text, s->at), literal))
        return fail(s, "unexpected character");
    s->at += literal.len;
    return true;
}

static bool scan_punctuation(struct scan *s, char c)
{
    s->at++;
    switch (c) {
    case '{':
    case '[':
        if (++s->containers > CONTAINERS_MAX)
            return fail(s, "too many objects and arrays");
        return ++s->depth <= JSON_DEPTH_MAX || fail(s, "nested too deep");
    case '}':
    case ']': s->depth--; return true;
    case ':': s->members++; return !s->nul_in_key || fail(s, "key with \\u0000");
    default: return true;
    }
}

static bool scan_token(struct scan *s)
{
    char c = peek(s, 0);

    if (c == '"')
        return scan_string(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    if (c == 't')
        return scan_literal(s, STR("true"));
    if (c == 'f')
        return scan_literal(s, STR("false"));
    if (c == 'n')
        return scan_literal(s, STR("null"));
    if (c != '\0' && strchr("{}[]:, \t\r\n", c))
        return scan_punctuation(s, c);
    return fail(s, "unexpected character");
}

static bool scan_text(struct scan *s)
{
    if (s->text.len == 0)
        return fail(s, "empty");
    if (s->text.len >= INT_MAX)
        return fail(s, "too long");
    if (!utf8_valid(s->text))
        return fail(s, "not UTF-8");
    while (s->at < s->text.len)
        if (!scan_token(s))
            return false;
    return true;
}

static void tokener_freep(struct json_tokener **tokener)
{
    if (*tokener)
        json_tokener_free(*tokener);
}

static enum status build_tree(struct str text, struct json_object **out, struct err *err)
{
    AUTO(tokener_freep)
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
    struct json_object *root;
    enum json_tokener_error fault;
    size_t before = 0;

    if (!tokener)
        return err_retry(err, "memory", "no memory for JSON of %zu bytes", text.len);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    root = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    fault = json_tokener_get_error(tokener);
    if (fault == json_tokener_continue) {
        /* A number or literal alone has no end of its own: the NUL says that nothing follows. */
        before = text.len;
        root = json_tokener_parse_ex(tokener, "", 1);
        fault = json_tokener_get_error(tokener);
    }
    if (fault != json_tokener_success) {
        json_object_put(root);
        return err_reject(err, REASON_MALFORMED, "json", "JSON: %s at byte %zu",
                          json_tokener_error_desc(fault),
                          before + json_tokener_get_parse_end(tokener));
    }
    *out = root;
    return ST_OK;
}

/* NOLINTBEGIN(readability-non-const-parameter): the signature is json-c's. */
static int count_member(struct json_object *value, int flags, struct json_object *parent,
                        const char *key, size_t *index, void *count)
/* NOLINTEND(readability-non-const-parameter) */
{
    (void)value;
    (void)parent;
    (void)index;
    if (key && !(flags & JSON_C_VISIT_SECOND))
        ++*(size_t *)count;
    return JSON_C_VISIT_RETURN_CONTINUE;
}

/* Equal keys leave fewer members in the tree than the text has. */
static bool keys_are_unique(struct json_object *root, size_t written)
{
    size_t kept = 0;

    return written == 0 || (json_c_visit(root, 0, count_member, &kept) == 0 && kept == written);
}

enum status json_parse(struct str text, struct json **out, struct err *err)
{
    struct scan scan = {.text = text};
    struct json_object *root = NULL;
    enum status rc;

    if (!scan_text(&scan))
        return err_reject(err, REASON_MALFORMED, "json", "JSON: %s at byte %zu", scan.fault,
                          scan.at);
    rc = build_tree(text, &root, err);
    if (rc != ST_OK)
        return rc;
    if (!keys_are_unique(root, scan.members)) {
        json_object_put(root);
        return err_reject(err, REASON_MALFORMED, "json", "JSON: a key is given twice");
    }
    *out = outer(root);
    return ST_OK;
}

void json_free(struct json *document)
{
    json_object_put(inner(document));
}

static bool is_above_int64(struct json_object *number)
{
    return json_object_get_uint64(number) > INT64_MAX;
}

enum json_type json_type(const struct json *value)
{
    switch (json_object_get_type(inner(value))) {
    case json_type_null: return JSON_NULL;
    case json_type_boolean: return JSON_BOOL;
    case json_type_double: return JSON_DOUBLE;
    case json_type_int: return is_above_int64(inner(value)) ? JSON_DOUBLE : JSON_INT;
    case json_type_object: return JSON_OBJECT;
    case json_type_array: return JSON_ARRAY;
    case json_type_string: return JSON_STRING;
    }
    return JSON_NULL;
}

bool json_is(const struct json *value, enum json_type type)
{
    return json_type(value) == type;
}

static bool find_member(const struct json *object, const char *key, struct json_object **out)
{
    return json_is(object, JSON_OBJECT) && json_object_object_get_ex(inner(object), key, out);
}

struct json *json_get(const struct json *object, const char *key)
{
    struct json_object *value = NULL;

    return find_member(object, key, &value) ? outer(value) : NULL;
}

bool json_has(const struct json *object, const char *key)
{
    struct json_object *value;

    return find_member(object, key, &value);
}

bool json_set_str(struct json *object, const char *key, struct str text)
{
    struct json_object *value;

    if (!json_is(object, JSON_OBJECT) || text.len > INT_MAX)
        return false;
    value = json_object_new_string_len(text.len > 0 ? text.ptr : "", (int)text.len);
    if (value == NULL)
        return false;
    if (json_object_object_add(inner(object), key, value) == 0)
        return true;
    (void)json_object_put(value);
    return false;
}

struct str json_str(const struct json *value)
{
    if (!json_is(value, JSON_STRING))
        return str_from(NULL);
    return str_of(json_object_get_string(inner(value)),
                  (size_t)json_object_get_string_len(inner(value)));
}

struct str json_get_str(const struct json *object, const char *key)
{
    return json_str(json_get(object, key));
}

static bool cut_fraction(double number, int64_t *out)
{
    if (!(number >= -INT64_LIMIT && number < INT64_LIMIT))
        return false;
    *out = (int64_t)number;
    return true;
}

bool json_i64(const struct json *value, int64_t *out)
{
    switch (json_type(value)) {
    case JSON_INT: *out = json_object_get_int64(inner(value)); return true;
    case JSON_DOUBLE: return cut_fraction(json_object_get_double(inner(value)), out);
    case JSON_STRING: return num_parse_i64(json_str(value), INT64_MIN, INT64_MAX, out);
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    return false;
}

bool json_get_i64(const struct json *object, const char *key, int64_t *out)
{
    return json_i64(json_get(object, key), out);
}

bool json_double(const struct json *value, double *out)
{
    double number;

    if (json_is(value, JSON_STRING))
        return num_parse_double(json_str(value), -DBL_MAX, DBL_MAX, out);
    if (!json_is(value, JSON_INT) && !json_is(value, JSON_DOUBLE))
        return false;
    number = json_object_get_double(inner(value));
    if (!isfinite(number))
        return false;
    *out = number;
    return true;
}

bool json_is_whole(const struct json *value)
{
    double number;
    int64_t cut;

    if (!json_is(value, JSON_DOUBLE))
        return json_is(value, JSON_INT);
    if (!json_double(value, &number))
        return false;
    /* A double as large as that has no bits left for a fraction. */
    return !cut_fraction(number, &cut) || (double)cut == number;
}

bool json_bool(const struct json *value, bool *out)
{
    int64_t number = -1;

    if (json_is(value, JSON_BOOL)) {
        *out = json_object_get_boolean(inner(value));
        return true;
    }
    if (!json_i64(value, &number) || (number != 0 && number != 1))
        return false;
    *out = number == 1;
    return true;
}

size_t json_len(const struct json *value)
{
    if (json_is(value, JSON_ARRAY))
        return json_object_array_length(inner(value));
    return json_is(value, JSON_OBJECT) ? (size_t)json_object_object_length(inner(value)) : 0;
}

struct json *json_at(const struct json *array, size_t index)
{
    if (!json_is(array, JSON_ARRAY))
        return NULL;
    return outer(json_object_array_get_idx(inner(array), index));
}

struct json_iter json_iter(const struct json *object)
{
    struct json_iter iter = {0};

    if (json_is(object, JSON_OBJECT))
        iter.next = lh_table_head(json_object_get_object(inner(object)));
    return iter;
}

bool json_next(struct json_iter *iter)
{
    const struct lh_entry *entry = iter->next;

    if (!entry)
        return false;
    iter->key = str_from(lh_entry_k(entry));
    iter->value = outer(lh_entry_v(entry));
    iter->next = lh_entry_next(entry);
    return true;
}

static bool is_number(const struct json *value)
{
    return json_is(value, JSON_INT) || json_is(value, JSON_DOUBLE);
}

/* By value, without rounding an int64 into a double on the way. */
static bool numbers_equal(const struct json *a, const struct json *b)
{
    double x = json_object_get_double(inner(a));
    double y = json_object_get_double(inner(b));
    int64_t whole = 0;

    if (x != y)
        return false;
    if (json_is(a, JSON_INT) && json_is(b, JSON_INT))
        return json_object_get_int64(inner(a)) == json_object_get_int64(inner(b));
    if (json_is(a, JSON_INT))
        return cut_fraction(y, &whole) && json_object_get_int64(inner(a)) == whole;
    if (json_is(b, JSON_INT))
        return cut_fraction(x, &whole) && json_object_get_int64(inner(b)) == whole;
    return json_object_get_uint64(inner(a)) == json_object_get_uint64(inner(b));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the documents, JSON_DEPTH_MAX. */
static bool arrays_equal(const struct json *a, const struct json *b)
{
    if (json_len(a) != json_len(b))
        return false;
    for (size_t i = 0; i < json_len(a); i++)
        if (!json_equal(json_at(a, i), json_at(b, i)))
            return false;
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the documents, JSON_DEPTH_MAX. */
static bool objects_equal(const struct json *a, const struct json *b)
{
    struct json_object *other;

    if (json_len(a) != json_len(b))
        return false;
    for (struct json_iter i = json_iter(a); json_next(&i);)
        if (!find_member(b, i.key.ptr, &other) || !json_equal(i.value, outer(other)))
            return false;
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the documents, JSON_DEPTH_MAX. */
bool json_equal(const struct json *a, const struct json *b)
{
    bool flag_a = false;
    bool flag_b = false;

    if (is_number(a) && is_number(b))
        return numbers_equal(a, b);
    if (json_type(a) != json_type(b))
        return false;
    switch (json_type(a)) {
    case JSON_STRING: return str_eq(json_str(a), json_str(b));
    case JSON_ARRAY: return arrays_equal(a, b);
    case JSON_OBJECT: return objects_equal(a, b);
    case JSON_BOOL: return json_bool(a, &flag_a) && json_bool(b, &flag_b) && flag_a == flag_b;
    case JSON_NULL:
    case JSON_INT:
    case JSON_DOUBLE: break;
    }
    return true;
}

void json_format(const struct json *value, struct buf *out)
{
    size_t len = 0;
    const char *text = json_object_to_json_string_length(
        inner(value), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

    if (!text)
        out->failed = true;
    else
        buf_add(out, str_of(text, len));
}
