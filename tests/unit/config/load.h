/* SPDX-License-Identifier: Apache-2.0 */
/* Settings loaded from a text, and what is said of those that are refused. */
#pragma once

#include "config/settings.h"
#include "tests/unit/check.h"
#include "tests/unit/config/file.h"

#include <string.h>

enum { OUTPUT_MAX = 1 << 20 };

#define DEMO "[account demo]\nappid = wx1\n"
#define ENVIRONMENT(...)  \
    (char *[])            \
    {                     \
        __VA_ARGS__, NULL \
    }

struct loaded {
    struct settings *s;
    enum status rc;
    struct err err;
    struct buf report;
    struct buf strangers;
};

static inline struct loaded load_path(const char *path, char *const *environment)
{
    struct loaded l = {.report = BUF_INIT(OUTPUT_MAX), .strangers = BUF_INIT(OUTPUT_MAX)};

    l.rc = settings_load(path, environment, &l.s, &l.report, &l.strangers, &l.err);
    return l;
}

static inline struct loaded load_with(const char *text, char *const *environment)
{
    struct file file = file_new(text);
    struct loaded l = load_path(file.path, environment);

    file_done(&file);
    return l;
}

static inline struct loaded load(const char *text)
{
    return load_with(text, NULL);
}

static inline void loaded_done(struct loaded *l)
{
    settings_free(l->s);
    buf_done(&l->report);
    buf_done(&l->strangers);
}

/* Every one of the texts stands in the report, and nothing else: one line each. */
static inline void assert_refusals(struct loaded l, const char *const *texts, size_t count)
{
    size_t lines = 0;
    size_t at;

    assert_int_equal(l.rc, ST_FATAL);
    assert_null(l.s);
    assert_true(str_starts(buf_str(&l.report), str_from(l.err.text)));
    for (size_t i = 0; i < count; i++)
        if (!str_find(buf_str(&l.report), str_from(texts[i]), &at))
            fail_msg("\"%s\" is not in: %s", texts[i], buf_str(&l.report).ptr);
    for (size_t i = 0; i < l.report.len; i++)
        lines += l.report.ptr[i] == '\n' ? 1 : 0;
    if (lines != count)
        fail_msg("%zu refusals, not %zu: %s", lines, count, l.report.ptr);
    loaded_done(&l);
}

#define REFUSALS(l, ...)                                     \
    assert_refusals((l), (const char *const[]){__VA_ARGS__}, \
                    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static inline void print(const char *text, char *const *environment, struct buf *out)
{
    AUTO(loaded_done) struct loaded l = load_with(text, environment);

    if (l.rc != ST_OK)
        fail_msg("%s", l.report.ptr);
    settings_print(l.s, out);
    assert_true(buf_ok(out));
}
