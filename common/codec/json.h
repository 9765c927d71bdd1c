/* SPDX-License-Identifier: Apache-2.0 */
/* JSON read into a tree (json-c behind). Strict: RFC 8259 to the letter, UTF-8, nothing after the
 * value, depth bounded; size is bounded by whoever read the text. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_DOUBLE,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

enum { JSON_DEPTH_MAX = 32 };

/* A parsed document or one of its values; values are borrowed from their document. */
struct json;

/* ST_REJECT (REASON_MALFORMED, code "json") naming the byte offset where there is one. Refused
 * beside what is not JSON: a key given twice, a key with \u0000 in it, whole numbers that fit
 * neither int64 nor uint64 (they would change in silence), more than 65536 objects and arrays
 * (json-c takes some 400 bytes for each, however short it is written). A lone surrogate escape
 * reads as U+FFFD. ST_RETRY: no memory. The document is the caller's; of the text "null" it is
 * NULL. */
MUST_CHECK enum status json_parse(struct str text, struct json **out, struct err *err);
void json_free(struct json *document); /* NULL is fine; never for a borrowed value */
DECLARE_FREEP(struct json, json_free)

/* A NULL value is accepted everywhere: JSON's null is NULL, and absent reads the same. A whole
 * number above INT64_MAX counts as JSON_DOUBLE. */
enum json_type json_type(const struct json *value);
bool json_is(const struct json *value, enum json_type type);
/* NULL: absent, null, or object is none. */
struct json *json_get(const struct json *object, const char *key);
bool json_has(const struct json *object, const char *key); /* true for a null member too */
struct str json_str(const struct json *value);             /* absent unless a string */
struct str json_get_str(const struct json *object, const char *key);
/* Lenient, as WeChat's numbers are: an integer, a fraction (cut), or digits in a string. False, and
 * out untouched, when it is none or out of range. */
bool json_i64(const struct json *value, int64_t *out);
bool json_get_i64(const struct json *object, const char *key, int64_t *out);
bool json_double(const struct json *value, double *out); /* finite ones only */
bool json_bool(const struct json *value, bool *out);     /* true/false, 0/1 */
bool json_is_whole(const struct json *value); /* a number without fraction: 1, 1.0, 1e3 */
size_t json_len(const struct json *value);    /* of an array or object */
struct json *json_at(const struct json *array, size_t index);

/* Sets a member of an object to a text, or adds it. False: no memory, or object is none. */
MUST_CHECK bool json_set_str(struct json *object, const char *key, struct str text);

/* Walks an object in document order: for (struct json_iter i = json_iter(o); json_next(&i);) i.key,
 * i.value */
struct json_iter {
    struct str key;
    struct json *value;
    void *next;
};
struct json_iter json_iter(const struct json *object);
bool json_next(struct json_iter *iter);

/* Deep, members in any order; 1 equals 1.0 (JSON Schema's view). */
bool json_equal(const struct json *a, const struct json *b);
/* Compact text, raw UTF-8, slashes unescaped (WeChat refuses \\uXXXX: wechat-api 0); fractions keep
 * the digits they came with. Not from two threads at once on one document. */
void json_format(const struct json *value, struct buf *out);
