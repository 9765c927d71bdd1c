/* SPDX-License-Identifier: Apache-2.0 */
/* For import.c and import_items.c only. */
#pragma once

#include "tables/import.h"

struct db_value import_state_value(enum import_state state);
