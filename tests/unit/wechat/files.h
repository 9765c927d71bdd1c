/* SPDX-License-Identifier: Apache-2.0 */
/* Secret files of one test, removed with it. */
#pragma once

#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct secret_file {
    char path[64];
};

static inline void secret_file_init(struct secret_file *f, const char *contents)
{
    int fd;

    *f = (struct secret_file){.path = "/tmp/kabao-test-XXXXXX"};
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, contents, strlen(contents)), strlen(contents));
    assert_int_equal(close(fd), 0);
}

static inline void secret_file_done(struct secret_file *f)
{
    (void)unlink(f->path);
}
