/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Schema 2020-12, the declared subset of the design (section 9), interpreted at run time. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"

struct schema;

/* Compiles a schema document (or a boolean). Keywords: type required properties
 * additionalProperties items enum const minimum maximum minItems maxItems minLength maxLength anyOf
 * oneOf $ref $defs format x-maxBytes, and the annotations $schema (2020-12 when given) $id (at the
 * root only) $comment title description examples default deprecated.
 *
 * $ref goes to a schema of this document: "#", "#/..." (percent-encoded JSON Pointer), or the same
 * behind the document's own $id; its siblings apply too. Chains of $ref, anyOf and oneOf that come
 * back to themselves on one value, or nest more than 16 deep, are refused. Lengths count code
 * points, x-maxBytes counts bytes of UTF-8, "integer" takes 1.0.
 *
 * Formats are asserted, on strings only:
 *   date-time    RFC 3339, any offset
 *   uri          a scheme, a colon, then characters of RFC 3986 with whole %XX
 *   traceparent  00-<32 hex>-<16 hex>-<2 hex>, lower case, neither id all zeros
 *   card-key     <appid>:<card_id>:<card_code>, none empty, no control characters
 *
 * ST_FATAL (code "schema") names place and keyword of what is unknown or ill-formed. */
MUST_CHECK enum status schema_compile(struct str text, struct schema **out, struct err *err);
void schema_free(struct schema *s); /* NULL is fine */
DECLARE_FREEP(struct schema, schema_free)

enum { SCHEMA_POINTER_MAX = 256, SCHEMA_DETAIL_MAX = 200 };

/* The first violation in document order; a missing member counts where its object begins. Neither
 * text holds a value of the instance. Both are cut between characters when too long. */
struct schema_fault {
    /* JSON Pointer (RFC 6901) into the instance; of a missing or surplus member: its own. */
    char pointer[SCHEMA_POINTER_MAX];
    char detail[SCHEMA_DETAIL_MAX]; /* "is required", "must be at most 27 bytes" */
};

/* ST_OK, or ST_REJECT with REASON_SCHEMA, code "schema", err->text = pointer and detail, and fault
 * filled when not NULL. Work is bounded; an instance beyond the bound is rejected. Thread-safe on
 * one schema. */
MUST_CHECK enum status schema_check(const struct schema *s, const struct json *instance,
                                    struct schema_fault *fault, struct err *err);
