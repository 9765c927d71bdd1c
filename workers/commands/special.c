/* SPDX-License-Identifier: Apache-2.0 */
/* The types that need code. */
#include "command.h"

#include <string.h>

static const struct special *const SPECIALS[] = {
    &SPECIAL_BIND_END,         &SPECIAL_BIND_START,       &SPECIAL_CARD_ACTIVATE_URL,
    &SPECIAL_CARD_CREATE,      &SPECIAL_CARD_DELETE,      &SPECIAL_CODE_CONSUME,
    &SPECIAL_CODE_UNAVAILABLE, &SPECIAL_CODE_UPDATE,      &SPECIAL_MEDIA_UPLOAD,
    &SPECIAL_MEDIA_UPLOADIMG,  &SPECIAL_MEMBER_ACTIVATE,  &SPECIAL_MEMBER_ERASE,
    &SPECIAL_MEMBER_FIND,      &SPECIAL_MESSAGE_TEMPLATE, &SPECIAL_OAUTH_EXCHANGE,
    &SPECIAL_VERIFY_CHECK,     &SPECIAL_VERIFY_SEND,      &SPECIAL_VERIFY_START,
};

const struct special *special_find(const char *type)
{
    static const struct special plain = {.type = NULL};

    for (size_t i = 0; i < COUNT_OF(SPECIALS); i++)
        if (strcmp(SPECIALS[i]->type, type) == 0)
            return SPECIALS[i];
    return &plain;
}
