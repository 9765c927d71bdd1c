/* SPDX-License-Identifier: Apache-2.0 */
/* A command's result, for people and programs. */
#pragma once

#include "codec/jsonw.h"
#include "tables/command_result.h"

/* An object, as the record's value has it. */
void command_show_json(struct jsonw *w, const struct command_result *r);
void command_show_people(const struct command_result *r);
/* done 0; rejected, expired 78; unknown, failed, none (an absent outcome) 75. */
int command_exit_code(const struct command_result *r);
