/* SPDX-License-Identifier: Apache-2.0 */
/* A record's value against the schema it is published with. The schemas of schemas/messages are
 * part of the program (deploy/cmake/schemas.cmake), each is compiled when it is first asked for. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/schema.h"

/* schema_id is one of schema_ids.h. ST_REJECT, REASON_SCHEMA: err->text is pointer and rule ("/mode
 * must be ..."), never a value. ST_RETRY: no memory. Thread-safe. */
MUST_CHECK enum status record_validate(const char *schema_id, const struct json *value,
                                       struct err *err);
/* The same, and where it is at fault (fault may be NULL). */
MUST_CHECK enum status record_check(const char *schema_id, const struct json *value,
                                    struct schema_fault *fault, struct err *err);
