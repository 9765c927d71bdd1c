/* SPDX-License-Identifier: Apache-2.0 */
/* Commands to kabao-command, and its results. One thread. */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"
#include "kafka/tail.h"
#include "tables/command_result.h"

#include <stdbool.h>

enum { COMMAND_ID_SIZE = 2 * 16 + 1 };

void command_id_make(char out[COMMAND_ID_SIZE]); /* by chance */

/* What is sent. Borrowed texts. */
struct command_out {
    const struct account *account;
    struct str type;
    struct str id;
    struct str key;
    struct str value; /* of cmd.wechat, valid */
};

struct command_place {
    int32_t partition;
    int64_t offset;
};

/* Returns when the broker has it. ST_RETRY: it did not say so in time, and may have it all the
 * same; the same id sent again has one effect. ST_FATAL: the topic does not exist. */
MUST_CHECK enum status command_send(const struct settings *settings, const struct command_out *out,
                                    struct command_place *place, struct err *err);

struct results;

/* Follows result.wechat: from now on (TAIL_END), or from a time. */
MUST_CHECK enum status results_open(const struct settings *settings, enum tail_from from,
                                    int64_t from_wall_ms, struct results **out, struct err *err);
void results_close(struct results *r); /* NULL is fine */

/* The result of the command with this id; absent id in *out: none came in time. others: results
 * that answer another record under the same id count as well (see tables/command_result.h). What
 * stood in the topic when it was opened is read to its end first, and of several the one that
 * stands is taken; then the first that comes. Its texts live until results_close. ST_RETRY: no
 * memory, the broker is away for long. */
MUST_CHECK enum status results_await(struct results *r, struct str id, bool others,
                                     struct deadline until, struct command_result *out,
                                     struct err *err);
