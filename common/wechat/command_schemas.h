/* SPDX-License-Identifier: Apache-2.0 */
/* The generated list of schemas/commands (deploy/cmake/schemas.cmake); for commands.c and its test
 * only. */
#pragma once

#include "model/schemas.h"

extern const struct schema_text COMMAND_SCHEMAS[];
extern const size_t COMMAND_SCHEMA_COUNT;
