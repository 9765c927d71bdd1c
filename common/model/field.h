/* SPDX-License-Identifier: Apache-2.0 */
/* A record's fields, listed once: the same table parses, writes and is compared with the schema by
 * a test. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/jsonw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opt_i64 {
    bool set;
    int64_t value;
};

struct opt_bool {
    bool set;
    bool value;
};

/* A value that stays JSON: parsing borrows the tree, writing prefers text (whole, valid JSON). */
struct field_json {
    struct str text;
    struct json *tree;
};

/* FIELD_JSON holds objects and arrays only. JSON null reads as absent everywhere. */
enum field_type { FIELD_STR, FIELD_I64, FIELD_BOOL, FIELD_JSON };

struct field {
    const char *name;
    enum field_type type; /* struct str, struct opt_i64, struct opt_bool, struct field_json */
    size_t offset;
    bool required;
};

/* Reads what the table lists from an object and ignores the rest ("consumers ignore unknown
 * fields"). Texts and trees are borrowed from object. ST_REJECT: REASON_SCHEMA, naming the field
 * that is missing or of the wrong type. */
MUST_CHECK enum status field_parse(const struct field *fields, size_t count,
                                   const struct json *object, void *record, struct err *err);
/* Members only, in table order: the caller opens and closes the object. Absent ones are left out.
 */
void field_write(const struct field *fields, size_t count, const void *record, struct jsonw *w);
/* The same as a whole object. */
void field_write_object(const struct field *fields, size_t count, const void *record,
                        struct buf *out);

/* A row of a table: {"name", offset in the struct of the same name}. */
#define FIELD(record, type, name, required)                            \
    {                                                                  \
#        name, FIELD_##type, offsetof(struct record, name), (required) \
    }
