/* SPDX-License-Identifier: Apache-2.0 */
/* From the body of a request to the value and the id of its record. Each has answered the request
 * where it is false. */
#pragma once

#include "api.h"
#include "codec/schema.h"

#include <stdbool.h>

/* What a body may say, and what its record holds: the same members. */
struct api_shape {
    const struct field *fields;
    size_t count;
};

/* Writes the value into the gate's buffer; the request's body becomes the value as well. type: that
 * of the path, which a body may repeat. */
bool api_record_write(struct api_request *r, const struct api_shape *shape, struct str type);
/* What a check of the value said. */
bool api_record_judge(struct api_request *r, enum status rc, const struct schema_fault *fault,
                      const struct err *err);
/* Names the request: by its Idempotency-Key, or by chance. */
bool api_record_name(struct api_request *r, struct str type, bool needs_key);
/* Refuses one place of the body. */
bool api_record_fault(struct api_request *r, enum problem_kind kind, struct str pointer,
                      struct str fault);
