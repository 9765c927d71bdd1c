/* SPDX-License-Identifier: Apache-2.0 */
/* One import under way. */
#pragma once

#include "ctl.h"
#include "import_list.h"
#include "import_wire.h"

struct import_job {
    const struct ctl *ctl;
    const struct account *account;
    const char *path; /* of the CSV file; NULL: the followers */
    struct import_file file;
    struct db *db;
    struct import_wire *wire;
    struct import_run run;
    struct import_counts counts; /* import_pass and import_report fill them in */
    bool goes_on;
};

enum { IMPORT_PAGE = 10000 }; /* followers of one user/get */

extern const char IMPORT_LIST_PATH[];  /* the API paths: cgi-bin/user/get */
extern const char IMPORT_CARDS_PATH[]; /* card/user/getcardlist */
extern const char IMPORT_LOOK_PATH[];  /* userinfo/get */

/* Lists the file in the table. A run that was cut short reads it again from the start: what is
 * listed stays as it is. Before all of it stands there nothing is sent. ST_RETRY: stopped. */
MUST_CHECK enum status import_list_file(struct import_job *job, struct err *err);

/* All that is left of a run that stands in the table; its file is listed there first. ST_RETRY: it
 * was stopped, or nobody answers: to be gone on with. */
MUST_CHECK enum status import_pass(struct import_job *job, struct err *err);

/* What became of the run so far. ST_FATAL: it cannot be printed. */
MUST_CHECK enum status import_report(struct import_job *job, struct err *err);
