/* SPDX-License-Identifier: Apache-2.0 */
/* Why WeChat gives no token, and what to do (wechat-api 3.3). Pure. */
#pragma once

#include "config/settings.h"

#include <stddef.h>

/* The lines that a fetch answers, in their order. */
enum fetch_line { FETCH_ADDRESS, FETCH_SECRET, FETCH_TOKEN, FETCH_LINES };

struct fetch_fault {
    enum fetch_line line; /* the one that fails; those before it are not known then */
    bool is_known;        /* text has a remedy; else the error's own words are the best there are */
};

/* code, text: of the struct err of token_fetch, whose text ends in WeChat's errmsg. remedy: at most
 * size bytes, what is wrong and what to do, empty where nothing is known of the code. */
struct fetch_fault fetch_remedy(const struct account *account, const char *code, const char *text,
                                char *remedy, size_t size);
