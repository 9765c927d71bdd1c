/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of a request, by name. For exchange.c only. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

struct MHD_Connection;

/* Absent when there is none; borrowed from the connection. */
struct str http_header_first(struct MHD_Connection *mhd, const char *name);
/* All of that name, joined by ", "; empty when memory is short. Borrowed from both. */
struct str http_header_list(struct MHD_Connection *mhd, const char *name, struct arena *arena);
