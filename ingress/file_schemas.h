/* SPDX-License-Identifier: Apache-2.0 */
/* The generated list of schemas/files (deploy/cmake/schemas.cmake); for replies_read.c only. */
#pragma once

#include "model/schemas.h"

extern const struct schema_text FILE_SCHEMAS[];
extern const size_t FILE_SCHEMA_COUNT;
