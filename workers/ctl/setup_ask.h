/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of kabaoctl setup: on a terminal one after the other, else all answers from
 * standard input. */
#pragma once

#include "base/str.h"
#include "setup_texts.h"

#include <stdbool.h>

enum setup_answer {
    SETUP_APPID,
    SETUP_SECRET,
    SETUP_ORIGINAL_ID,
    SETUP_URL,
    SETUP_PUSH_MODE,
    SETUP_TOKEN,
    SETUP_AES_KEY,
    SETUP_ANSWERS
};

enum { SETUP_ANSWER_SIZE = 256 };

/* "": not answered. A place with kept set has its answer already and is not asked for. */
struct setup_answers {
    char text[SETUP_ANSWERS][SETUP_ANSWER_SIZE];
    bool kept[SETUP_ANSWERS];
};

/* Whether the text may be that answer. */
bool setup_accepts(enum setup_answer answer, struct str text);
bool setup_is_plain(const struct setup_answers *answers);
/* Fills what was not answered by Enter with "" or, of the mode, with secure. Without a terminal
 * standard input has "key = value" lines: appid, secret, original_id, url, push_mode, token,
 * aes_key. False: told; nothing more to do. */
bool setup_ask(enum setup_lang lang, struct setup_answers *answers);
