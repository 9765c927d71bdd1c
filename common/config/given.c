/* SPDX-License-Identifier: Apache-2.0 */
#include "config/given.h"

#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_SIZE = 128 };

bool given_init(struct given *g, const char *file, struct err *first, struct buf *report)
{
    *g = (struct given){.places = map_new(), .refusals = {.first = first, .report = report}};
    ini_where(file, 0, g->file);
    return g->places != NULL;
}

void given_done(struct given *g)
{
    map_free(g->places, mem_free);
}

static void label(struct str section, const char *key, char out[LABEL_SIZE])
{
    const size_t at = section.len + 1;

    assert(at + strlen(key) < LABEL_SIZE);
    (void)str_copy(section, out, LABEL_SIZE);
    out[section.len] = ' ';
    (void)str_copy(str_from(key), out + at, LABEL_SIZE - at);
}

void given_note(struct given *g, struct str section, const char *key, const char *place)
{
    char name[LABEL_SIZE];
    char *copy = mem_strdup(place);
    void *old = NULL;

    label(section, key, name);
    if (copy == NULL || !map_put(g->places, str_from(name), copy, &old)) {
        mem_free(copy);
        given_refuse_memory(g);
        return;
    }
    mem_free(old);
}

const char *given_place(const struct given *g, struct str section, const char *key)
{
    char name[LABEL_SIZE];

    label(section, key, name);
    return map_get(g->places, str_from(name));
}

const char *given_where(const struct given *g, struct str section, const char *key)
{
    const char *place = given_place(g, section, key);

    return place != NULL ? place : g->file;
}

void given_refuse(struct given *g, const char *where, const char *fmt, ...)
{
    struct err err = {0};
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(err.text, sizeof(err.text), fmt, args);
    va_end(args);
    (void)err_fatal(&err, "config", "%s: %s", where, err.text);
    ini_refuse(&g->refusals, &err);
}

void given_refuse_memory(struct given *g)
{
    struct err err = {0};

    (void)err_fatal(&err, "memory", "settings: memory is short");
    ini_refuse(&g->refusals, &err);
}
