/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled schema, shared by schema.c (compiles), schema_check.c (checks) and schema_format.c;
 * nobody else includes it. */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "codec/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type_bit {
    TYPE_NULL = 1 << 0,
    TYPE_BOOLEAN = 1 << 1,
    TYPE_INTEGER = 1 << 2,
    TYPE_NUMBER = 1 << 3,
    TYPE_STRING = 1 << 4,
    TYPE_ARRAY = 1 << 5,
    TYPE_OBJECT = 1 << 6,
};

struct schema_format {
    const char *name;
    bool (*holds)(struct str text);
};

/* NULL when no format has that name. */
const struct schema_format *schema_format_find(struct str name);

struct node;

struct property {
    struct str name;
    struct node *node;
};

struct node_list {
    struct node **nodes;
    size_t count;
};

/* One subschema. What is NULL, zero or -1 does not constrain. */
struct node {
    struct node *next; /* all nodes of the schema in the order they were met */
    const struct json *source;
    const char *where; /* "#/properties/body", for messages */
    bool never;        /* the schema false */
    unsigned types;
    const struct json *enumeration;
    const struct json *constant;
    bool has_constant;
    const struct json *minimum;
    const struct json *maximum;
    int64_t min_items, max_items, min_length, max_length, max_bytes;
    const struct schema_format *format;
    const struct json *required;
    struct property *properties; /* sorted by name */
    size_t property_count;
    struct node *additional;
    struct node *items;
    struct node_list any_of;
    struct node_list one_of;
    struct str reference;
    struct node *target; /* of reference */
    int height;          /* longest chain of target and alternatives below */
};

struct schema {
    struct json *document;
    struct arena arena;
    struct node *first;
    struct node *last;
    struct str id;
};

/* "integer" for TYPE_INTEGER; NULL for what is no single type. */
const char *schema_type_name(unsigned type_bit);
