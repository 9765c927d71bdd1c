/* SPDX-License-Identifier: Apache-2.0 */
/* What kabaoctl setup says, in English and Chinese. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#include <stddef.h>

enum setup_lang { SETUP_EN, SETUP_ZH };

enum setup_text {
    TEXT_HELLO,
    TEXT_ASK_APPID,
    TEXT_ASK_SECRET,
    TEXT_ASK_ORIGINAL_ID,
    TEXT_ASK_URL,
    TEXT_ASK_PUSH_MODE,
    TEXT_ASK_TOKEN,
    TEXT_ASK_AES_KEY,
    TEXT_BAD_APPID,
    TEXT_BAD_SECRET,
    TEXT_BAD_ORIGINAL_ID,
    TEXT_BAD_URL,
    TEXT_BAD_PUSH_MODE,
    TEXT_BAD_TOKEN,
    TEXT_BAD_AES_KEY,
    TEXT_CONFIRM,
    TEXT_KEPT,
    TEXT_MODE_PLAIN,
    TEXT_MODE_COMPATIBLE,
    TEXT_MODE_SECURE,
    TEXT_IN_FILE,
    TEXT_NO_KEY,
    TEXT_CONSOLE,
    TEXT_NEXT,
    TEXT_EXAMPLE,
    TEXT_NEW_FILE,
    TEXT_COUNT
};

/* {name} of a text becomes value. */
struct setup_word {
    const char *name;
    struct str value;
};

const char *setup_text(enum setup_lang lang, enum setup_text text);
/* Adds the text with its {names} filled in; words end with a NULL name. */
void setup_say(enum setup_lang lang, enum setup_text text, const struct setup_word *words,
               struct buf *out);
