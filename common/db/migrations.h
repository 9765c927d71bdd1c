/* SPDX-License-Identifier: Apache-2.0 */
/* The generated list (deploy/cmake/migrations.cmake); for migrate.c only. */
#pragma once

#include "db/migrate.h"

extern const struct migration MIGRATIONS[];
extern const size_t MIGRATION_COUNT;
