/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is replaced whole: a reader has the old one or the new one. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct replacement {
    char path[PATH_MAX];      /* behind symbolic links */
    char fresh[PATH_MAX + 8]; /* the one that takes its place, until then */
    bool exists;
    struct stat was;
    int fd; /* of fresh, which nobody else has; -1: none */
};

#define REPLACEMENT_INIT \
    {                    \
        .fd = -1         \
    }

/* Makes FILE.new beside the file, empty, mode_new where there was no file, else with owner and mode
 * of the old one. Its fixed name keeps two of us from losing each other's work: ST_RETRY "busy". */
MUST_CHECK enum status replace_begin(struct replacement *r, const char *path, mode_t mode_new,
                                     struct err *err);
/* Once: all of text, on the disk. The file is still the old one. */
MUST_CHECK enum status replace_fill(struct replacement *r, struct str text, struct err *err);
MUST_CHECK enum status replace_end(struct replacement *r, struct err *err);
void replace_done(struct replacement *r); /* AUTO: what was not ended leaves no trace */
