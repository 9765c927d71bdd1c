/* SPDX-License-Identifier: Apache-2.0 */
/* A card template beside what the account's settings make of its cards (wechat-api 4.1, 4.2). Pure.
 */
#pragma once

#include "check_finding.h"
#include "codec/json.h"
#include "config/settings.h"

/* What the template leaves to whom. */
enum card_mode {
    CARD_AUTO, /* active when received */
    CARD_FORM, /* WeChat's form, WeChat activates */
    CARD_JUMP, /* WeChat's form, then a page; the merchant activates */
    CARD_PAGE, /* a page or mini program; the merchant activates */
    CARD_NONE, /* nothing at all */
    CARD_MODES
};

enum card_mode card_mode(const struct json *member_card);

/* member_card: that object of card/get's answer. The first finding is what it is, those after it
 * are what does not fit. */
void card_judge(const struct json *member_card, const struct account *account,
                const struct check_findings *findings);
