/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/texts.h"

#include "base/mem.h"

static char **slot_of(const struct sim_text *row, void *of)
{
    return (char **)(void *)((char *)of + row->offset);
}

static enum status read_one(const struct sim_text *row, const struct json *from, char **slot,
                            struct err *err)
{
    const struct json *value = json_get(from, row->key);
    const struct str text = json_str(value);
    char *copy = NULL;

    if (value != NULL && !str_is_set(text))
        return err_reject(err, REASON_SCHEMA, "schema", "%s must be a string", row->key);
    if (text.len > row->max_bytes)
        return err_reject(err, REASON_SCHEMA, "schema", "%s is longer than %zu bytes", row->key,
                          row->max_bytes);
    if (str_is_set(text)) {
        copy = mem_strdup(text.ptr); /* json-c ends its texts in NUL */
        if (copy == NULL)
            return err_retry(err, "memory", "no memory for %s", row->key);
    }
    mem_free(*slot);
    *slot = copy;
    return ST_OK;
}

enum status sim_texts_read(const struct sim_text *rows, size_t count, const struct json *from,
                           void *into, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        char **slot = slot_of(&rows[i], into);
        enum status rc = ST_OK;

        if (json_has(from, rows[i].key))
            rc = read_one(&rows[i], from, slot, err);
        if (rc != ST_OK)
            return rc;
        if (rows[i].required && (*slot == NULL || **slot == '\0'))
            return err_reject(err, REASON_SCHEMA, "schema", "%s is missing", rows[i].key);
    }
    return ST_OK;
}

void sim_texts_write(const struct sim_text *rows, size_t count, const void *from, struct jsonw *w)
{
    for (size_t i = 0; i < count; i++) {
        const char *const *slot =
            (const char *const *)(const void *)((const char *)from + rows[i].offset);

        if (!rows[i].secret)
            jsonw_key_str(w, rows[i].key, str_from(*slot));
    }
}

void sim_texts_done(const struct sim_text *rows, size_t count, void *of)
{
    for (size_t i = 0; i < count; i++) {
        char **slot = slot_of(&rows[i], of);

        mem_free(*slot);
        *slot = NULL;
    }
}

static bool is_row(const struct sim_text *rows, size_t count, struct str key)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_cstr(key, rows[i].key))
            return true;
    return false;
}

static bool is_listed(const char *const *names, struct str key)
{
    for (; *names != NULL; names++)
        if (str_eq_cstr(key, *names))
            return true;
    return false;
}

enum status sim_texts_only(const struct sim_text *rows, size_t count, const char *const *others,
                           const struct json *object, struct err *err)
{
    if (!json_is(object, JSON_OBJECT))
        return err_reject(err, REASON_SCHEMA, "schema", "an object is expected");
    for (struct json_iter i = json_iter(object); json_next(&i);)
        if (!is_row(rows, count, i.key) && !is_listed(others, i.key))
            return err_reject(err, REASON_SCHEMA, "schema", "unknown key %.*s", STR_ARG(i.key));
    return ST_OK;
}
