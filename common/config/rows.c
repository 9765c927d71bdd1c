/* SPDX-License-Identifier: Apache-2.0 */
/* One key: parsed, printed, described and freed by its row. */
#include "config/rows.h"

#include "base/mem.h"
#include "base/num.h"
#include "config/check.h"
#include "config/quota_limit.h"

enum { TEXT_MAX = 4096, SHOWN_MAX = 32, ALLOWED_SIZE = 120 };

static char **text_at(const struct row *row, void *base)
{
    return (char **)(void *)((char *)base + row->offset);
}

static const void *value_at(const struct row *row, const void *base)
{
    return (const char *)base + row->offset;
}

static bool is_text(const struct row *row)
{
    return row->type == ROW_TEXT || row->type == ROW_FILE;
}

static void list_choices(const struct row *row, struct buf *out)
{
    buf_add_cstr(out, "one of ");
    for (size_t i = 0; row->choices[i] != NULL; i++)
        buf_addf(out, "%s%s", i > 0 ? ", " : "", row->choices[i]);
}

static void add_text_kind(const struct row *row, struct buf *out)
{
    if ((row->flags & ROW_LOOPBACK_HTTP) != 0)
        buf_add_cstr(out, "an https:// address (http:// on loopback only)");
    else if (row->check != NULL)
        buf_add_cstr(out, row->check->allowed);
    else
        buf_add_cstr(out, row->type == ROW_FILE ? "the path of a file" : "text");
}

static void add_allowed(const struct row *row, struct buf *out)
{
    switch (row->type) {
    case ROW_TEXT:
    case ROW_FILE: add_text_kind(row, out); break;
    case ROW_INT: buf_addf(out, "a number from %.0f to %.0f", row->min, row->max); break;
    case ROW_SIZE:
        buf_addf(out, "bytes from %.0f to %.0f, KiB and MiB accepted", row->min, row->max);
        break;
    case ROW_DOUBLE: buf_addf(out, "a number from %g to %g", row->min, row->max); break;
    case ROW_BOOL: buf_add_cstr(out, "true or false"); break;
    case ROW_CHOICE: list_choices(row, out); break;
    case ROW_QUOTA: buf_add_cstr(out, QUOTA_LIMIT_ALLOWED); break;
    }
}

static enum status refuse(const struct row *row, struct str value, const char *where,
                          struct err *err)
{
    AUTO(buf_done) struct buf allowed = BUF_INIT(ALLOWED_SIZE);
    const struct str shown = str_limit(value, SHOWN_MAX);

    add_allowed(row, &allowed);
    if (!buf_ok(&allowed))
        return err_fatal(err, "memory", "%s: memory is short", where);
    if (is_text(row))
        return err_fatal(err, "config", "%s: [%s] %s must be %s", where, row->section, row->key,
                         allowed.ptr);
    return err_fatal(err, "config", "%s: [%s] %s must be %s, not \"%.*s\"", where, row->section,
                     row->key, allowed.ptr, STR_ARG(shown));
}

static bool is_clean(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.ptr[i] < ' ' && value.ptr[i] != '\t') || value.ptr[i] == 0x7F)
            return false;
    return value.len <= TEXT_MAX;
}

static bool is_allowed(const struct row *row, struct str value)
{
    if (str_is_empty(value))
        return (row->flags & ROW_MAY_BE_EMPTY) != 0;
    if (!is_clean(value))
        return false;
    if ((row->flags & ROW_LOOPBACK_HTTP) != 0)
        return check_url(value);
    return row->check == NULL || row->check->accepts(value);
}

static enum status set_text(const struct row *row, void *base, struct str value, const char *where,
                            struct err *err)
{
    char *copy;

    if (!is_allowed(row, value))
        return refuse(row, value, where, err);
    copy = mem_alloc(value.len + 1);
    if (copy == NULL)
        return err_fatal(err, "memory", "%s: memory is short", where);
    (void)str_copy(value, copy, value.len + 1);
    row_clear(row, base);
    *text_at(row, base) = copy;
    return ST_OK;
}

static bool set_bool(struct str value, bool *out)
{
    const bool yes = str_eq(value, STR("true"));

    if (!yes && !str_eq(value, STR("false")))
        return false;
    *out = yes;
    return true;
}

static bool set_choice(const struct row *row, struct str value, int *out)
{
    for (int i = 0; row->choices[i] != NULL; i++)
        if (str_eq_cstr(value, row->choices[i])) {
            *out = i;
            return true;
        }
    return false;
}

static bool set_plain(const struct row *row, void *at, struct str value)
{
    const int64_t min = (int64_t)row->min;
    const int64_t max = (int64_t)row->max;

    switch (row->type) {
    case ROW_TEXT:
    case ROW_FILE: break;
    case ROW_INT: return num_parse_i64(value, min, max, at);
    case ROW_SIZE: return num_parse_size(value, min, max, at);
    case ROW_DOUBLE: return num_parse_double(value, row->min, row->max, at);
    case ROW_BOOL: return set_bool(value, at);
    case ROW_CHOICE: return set_choice(row, value, at);
    case ROW_QUOTA: return quota_limit_parse(value, at);
    }
    return false;
}

enum status row_set(const struct row *row, void *base, struct str value, const char *where,
                    struct err *err)
{
    if (is_text(row))
        return set_text(row, base, value, where, err);
    if (!set_plain(row, (char *)base + row->offset, value))
        return refuse(row, value, where, err);
    return ST_OK;
}

bool row_is_set(const struct row *row, const void *base)
{
    const void *at = value_at(row, base);

    if (row->type == ROW_QUOTA)
        return ((const struct quota_limit *)at)->count > 0;
    return !is_text(row) || *(char *const *)at != NULL;
}

static void add_double(struct buf *out, double value)
{
    char text[NUM_DOUBLE_SIZE];

    num_format_double(value, text);
    buf_add_cstr(out, text);
}

void row_print(const struct row *row, const void *base, struct buf *out)
{
    const void *at = value_at(row, base);

    switch (row->type) {
    case ROW_TEXT:
    case ROW_FILE: buf_add_cstr(out, *(char *const *)at); break;
    case ROW_INT:
    case ROW_SIZE: buf_add_i64(out, *(const int64_t *)at); break;
    case ROW_DOUBLE: add_double(out, *(const double *)at); break;
    case ROW_BOOL: buf_add_cstr(out, *(const bool *)at ? "true" : "false"); break;
    case ROW_CHOICE: buf_add_cstr(out, row->choices[*(const int *)at]); break;
    case ROW_QUOTA: quota_limit_format(at, out); break;
    }
}

void row_describe(const struct row *row, struct buf *out)
{
    buf_addf(out, "# %s (", row->help);
    add_allowed(row, out);
    if ((row->flags & ROW_REQUIRED) != 0)
        buf_add_cstr(out, "; required");
    if ((row->flags & ROW_RELOADABLE) != 0)
        buf_add_cstr(out, "; read again on SIGHUP");
    if ((row->flags & ROW_FILE_ONLY) != 0)
        buf_add_cstr(out, "; file only");
    buf_addf(out, ")\n#%s =%s%s\n", row->key, row->preset != NULL ? " " : "",
             row->preset != NULL ? row->preset : "");
}

void row_clear(const struct row *row, void *base)
{
    if (!is_text(row))
        return;
    mem_free(*text_at(row, base));
    *text_at(row, base) = NULL;
}
