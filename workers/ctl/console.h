/* SPDX-License-Identifier: Apache-2.0 */
/* What the console answers and shows (wechat-api 10), as the files that stand in for it in server
 * mode. */
#pragma once

#include "autoreply_lost.h"
#include "base/buf.h"
#include "codec/json.h"

#include <stddef.h>

enum { CONSOLE_TEXT_MAX = 16 << 20 };

struct console {
    struct losses lost;
    struct buf rules; /* for autoreply_file, as people edit them */
    struct buf menu;  /* for menu put */
    size_t rule_count;
    size_t button_count;
};

#define CONSOLE_INIT                                              \
    {                                                             \
        .lost = LOSSES_INIT, .rules = BUF_INIT(CONSOLE_TEXT_MAX), \
        .menu = BUF_INIT(CONSOLE_TEXT_MAX)                        \
    }

/* replies, current: the answers to autoreply.get and menu.current. The rules come in this order:
 * followers, buttons, keywords as the console has them, all else. EXIT_INTERNAL: no memory. */
int console_convert(struct console *c, const struct json *replies, const struct json *current);
void console_done(struct console *c);
