/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of which a subcommand needs the answer, one after the other: sent by kabao-command,
 * which has to run. What goes wrong is told. One thread. */
#pragma once

#include "base/attr.h"
#include "codec/json.h"
#include "command_wire.h"
#include "ctl.h"

#include <stdbool.h>

struct command_asker {
    const struct ctl *ctl;
    const struct account *account;
    struct results *results;
    bool goes_on; /* a command has no deadline: what is not answered in time is done all the same */
};

/* The account of --account, or the only one. EXIT_DONE, or told. Close it in either case. */
int command_asker_open(struct command_asker *a, const struct ctl *ctl);
/* Of this account. */
int command_asker_open_for(struct command_asker *a, const struct ctl *ctl,
                           const struct account *account);
void command_asker_close(struct command_asker *a);

/* body: JSON; absent: none. EXIT_DONE: a result came, whatever it is; its texts live until
 * command_asker_close. Nothing happens after --wait (30 s), unless it goes_on: the command has that
 * as its deadline. */
int command_ask(struct command_asker *a, const char *type, struct str body,
                struct command_result *out);
/* EXIT_DONE: the result is done and *answer, the caller's, is what WeChat said (NULL: nothing).
 * Else told, and the exit code that fits. */
int command_answer(const char *type, const struct command_result *r, struct json **answer);
