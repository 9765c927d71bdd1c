/* SPDX-License-Identifier: Apache-2.0 */
/* Text (or bytes) to pointer; uthash behind. Not thread-safe; owns its keys, not its values. */
#pragma once

#include "base/attr.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_new(void); /* NULL when memory is short */

/* For many entries that stay for long (base/slots.h): the memory of keys up to MAP_PACKED_KEY_MAX
 * goes back with the map only. */
enum { MAP_PACKED_KEY_MAX = 40 };
struct map *map_new_packed(void);
/* Frees the keys; each value goes to free_value when that is not NULL. NULL map is fine. */
void map_free(struct map *m, void (*free_value)(void *value));

void *map_get(const struct map *m, struct str key); /* borrowed; NULL when there is none */
/* Sets or replaces; the replaced value (or NULL) goes to *old when old is not NULL. False: no
 * memory. */
MUST_CHECK bool map_put(struct map *m, struct str key, void *value, void **old);
void *map_take(struct map *m, struct str key); /* removes; the value is the caller's */
size_t map_len(const struct map *m);

/* Oldest insertion first (a replaced value keeps its place); NULL ends it. The entry just visited
 * may be taken meanwhile, nothing else may change: map_next() still works on it then. */
struct map_entry;
struct map_entry *map_first(const struct map *m);
struct map_entry *map_next(const struct map_entry *entry);
struct str map_key(const struct map_entry *entry);
void *map_value(const struct map_entry *entry);
