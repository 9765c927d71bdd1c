/* SPDX-License-Identifier: Apache-2.0 */
/* A value inside nested JSON objects. */
#pragma once

#include "base/str.h"
#include "codec/json.h"

/* "notify_optional.is_notify_bonus"; NULL when absent, null, or a name of 64 bytes and more. */
struct json *sim_lookup(const struct json *object, struct str dotted);
