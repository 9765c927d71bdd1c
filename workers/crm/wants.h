/* SPDX-License-Identifier: Apache-2.0 */
/* What the CRM is told. */
#pragma once

#include "config/settings.h"

#include <stdbool.h>

/* [crm] events names this ce_type. */
bool crm_wants(const struct settings *settings, struct str type);
