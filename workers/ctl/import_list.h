/* SPDX-License-Identifier: Apache-2.0 */
/* The CSV file of an import: card_id, card_code; openid, unionid, mobile, membership_number where
 * it has them. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "tables/import.h"

struct import_file {
    int64_t rows;
    int64_t bad;                        /* rows that are no cards */
    char fingerprint[IMPORT_TEXT_SIZE]; /* of all rows that were read */
};

/* Reads the whole file and says on standard error which rows are bad, the first twenty with line
 * and reason. Status as csv_read. */
MUST_CHECK enum status import_file_check(const char *path, struct import_file *out,
                                         struct err *err);

/* The good rows again, card by card; texts live for the call. */
MUST_CHECK enum status import_file_cards(const char *path, import_card_fn *fn, void *arg,
                                         struct err *err);
