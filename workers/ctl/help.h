/* SPDX-License-Identifier: Apache-2.0 */
/* --help, --man and --completion, all from the rows of commands.c and options.c. */
#pragma once

#include "ctl.h"

/* NULL: of all subcommands. To stdout, as the next; an exit code. */
int help_print(const struct ctl_command *only);
int help_man(void);
/* shell: bash or zsh. */
int completion_print(struct str shell);
