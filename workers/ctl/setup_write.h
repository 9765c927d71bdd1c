/* SPDX-License-Identifier: Apache-2.0 */
/* What kabaoctl setup leaves on the disk: secret files first, the settings last, as one rename. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "setup_ask.h"

#include <limits.h>
#include <stdbool.h>

struct settings;

struct setup_files {
    const char *account;
    char settings[PATH_MAX]; /* absolute, as all of them: programs may start anywhere */
    char secrets[PATH_MAX];  /* the folder beside it */
    char secret[PATH_MAX];   /* as the package names them: secrets/NAME.appsecret */
    char token[PATH_MAX];
    char aes_key[PATH_MAX];
    char seal_key[PATH_MAX]; /* the settings' own, where they name one */
    bool has_settings;
    bool has_seal_key; /* in the settings */
};

/* old: NULL where there is no file at path yet. */
MUST_CHECK enum status setup_files_find(struct setup_files *files, const char *path,
                                        const char *account, const struct settings *old,
                                        struct err *err);
/* Fills in the answers whose files are there already: what a run left that was cut off, or what the
 * owner put there. ST_REJECT: one does not hold what it should. */
MUST_CHECK enum status setup_files_keep(const struct setup_files *files,
                                        struct setup_answers *answers, struct err *err);
/* All of it or nothing: secrets that this call made go again when it fails. No file that was there
 * is changed but the settings, and those only when the new ones load and all secrets are good. */
MUST_CHECK enum status setup_write(const struct setup_files *files, enum setup_lang lang,
                                   const struct setup_answers *answers, struct err *err);
