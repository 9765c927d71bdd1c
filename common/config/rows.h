/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as data: a row says where a key lives, what it may hold and what it means. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum row_type {
    ROW_TEXT,   /* char *; UTF-8 without control characters, 4096 bytes at most */
    ROW_FILE,   /* char *: path of a file; its contents are never printed */
    ROW_INT,    /* int64_t, min..max */
    ROW_SIZE,   /* int64_t, bytes, "64 KiB" accepted, min..max */
    ROW_DOUBLE, /* double, min..max */
    ROW_BOOL,   /* bool: true|false */
    ROW_CHOICE, /* int: index into choices */
    ROW_QUOTA,  /* struct quota_limit: "600/min", "10000/day"; its path is left alone */
};

enum row_flag {
    ROW_REQUIRED = 1,
    ROW_RELOADABLE = 2,
    ROW_LOOPBACK_HTTP = 4, /* URL: https, http on loopback only */
    ROW_MAY_BE_EMPTY = 8,  /* text: "key =" means the empty text; refused otherwise */
    ROW_FILE_ONLY = 16     /* has no environment form */
};

/* What a text must look like, beyond its type. */
struct row_check {
    const char *allowed; /* "host:port" */
    bool (*accepts)(struct str value);
};

struct row {
    const char *section; /* "ingress"; "account" for every [account NAME] */
    const char *key;
    enum row_type type;
    size_t offset;      /* into the section's struct */
    const char *preset; /* the default as text; NULL: none */
    double min;
    double max;
    const char *const *choices; /* ROW_CHOICE: NULL-terminated names, in enum order */
    unsigned flags;
    const char *help;              /* one sentence */
    const struct row_check *check; /* ROW_TEXT; may be NULL */
};

/* Parses value into base + row->offset (texts are duplicated and belong to the struct). where is
 * "kabao.ini:12" or "KABAO_X"; a refusal names where, section, key, what is allowed. Texts are not
 * repeated in a refusal: one may be a secret in the wrong place. */
MUST_CHECK enum status row_set(const struct row *row, void *base, struct str value,
                               const char *where, struct err *err);
/* True when a text or a limit has been set, by preset or by value; always for other types. */
bool row_is_set(const struct row *row, const void *base);
/* The value as text; ROW_FILE prints the path, never the contents. */
void row_print(const struct row *row, const void *base, struct buf *out);
/* Two lines: "# what it is for (what is allowed)" and "#key = default". */
void row_describe(const struct row *row, struct buf *out);
void row_clear(const struct row *row, void *base); /* frees texts */
