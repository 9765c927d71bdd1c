/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON file, read whole. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"

/* ST_FATAL names the file. */
MUST_CHECK enum status sim_file_json(const char *path, struct json **out, struct err *err);
