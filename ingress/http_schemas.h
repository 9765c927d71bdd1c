/* SPDX-License-Identifier: Apache-2.0 */
/* The generated list of schemas/http (deploy/cmake/schemas.cmake); for api_steps.c only. */
#pragma once

#include "model/schemas.h"

extern const struct schema_text HTTP_SCHEMAS[];
extern const size_t HTTP_SCHEMA_COUNT;
