/* SPDX-License-Identifier: Apache-2.0 */
/* What kabao-forward sends on. */
#pragma once

#include "config/settings.h"

#include <stdbool.h>

/* A push, and an account has a forward_url. */
bool forward_wants(const struct settings *settings, struct str type);
