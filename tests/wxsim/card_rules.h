/* SPDX-License-Identifier: Apache-2.0 */
/* What the object of a card's type may hold (wechat-api 4.1, 5). Each returns an errcode. */
#pragma once

#include "codec/json.h"
#include "wxsim/account.h"
#include "wxsim/template.h"

#include <stdbool.h>

/* partial: the changes of card/update, where nothing is required. */
int sim_base_check(const struct json *content, const struct sim_card_kind *kind, bool partial);
int sim_member_card_check(const struct json *content, bool partial);
/* At most three slots on the card, points and balance counted. */
int sim_member_card_slots(const struct json *content);
int sim_advanced_check(const struct json *content, const struct sim_card_kind *kind);
/* Flags and entries that exclude each other, in the card as it would be. */
int sim_conflicts_check(const struct json *content);
/* What the account has no permission for. */
int sim_permissions_check(const struct json *content, const struct sim_account *account);
