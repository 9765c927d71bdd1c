/* SPDX-License-Identifier: Apache-2.0 */
/* The examples under schemas/ for tests, which run in the root of the source tree. */
#pragma once

#include "base/buf.h"
#include "codec/json.h"
#include "tests/unit/check.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

enum { EXAMPLE_MAX = 1 << 20, EXAMPLE_CHUNK = 4096 };

static inline void example_read(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rbe");
    size_t got = 1;

    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    while (got > 0) {
        char *room = buf_room(out, EXAMPLE_CHUNK);

        assert_non_null(room);
        got = fread(room, 1, EXAMPLE_CHUNK, file);
        buf_grew(out, got);
    }
    assert_int_equal(fclose(file), 0);
}

static inline struct json *example_parse(const char *path)
{
    AUTO(buf_done) struct buf text = BUF_INIT(EXAMPLE_MAX);
    struct json *document = NULL;
    struct err err;

    example_read(path, &text);
    if (json_parse(buf_str(&text), &document, &err) != ST_OK)
        fail_msg("%s: %s", path, err.text);
    return document;
}

/* Calls fn for each file that fits the pattern; there is at least one. */
static inline void example_each(const char *pattern, void (*fn)(const char *path, void *arg),
                                void *arg)
{
    glob_t files;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread. */
    if (glob(pattern, 0, NULL, &files) != 0)
        fail_msg("nothing fits %s", pattern);
    for (size_t i = 0; i < files.gl_pathc; i++)
        fn(files.gl_pathv[i], arg);
    globfree(&files);
}

static inline const char *example_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}
