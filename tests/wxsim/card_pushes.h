/* SPDX-License-Identifier: Apache-2.0 */
/* The pushes that follow from what happens to a card (wechat-api 2.3), recorded with the platform's
 * time. Each is false when memory is short. */
#pragma once

#include "base/attr.h"
#include "wxsim/world.h"

/* update_member_card; nothing when nothing changed. */
MUST_CHECK bool sim_push_update(struct sim_world *world, const struct sim_member *card,
                                int64_t bonus_change, int64_t balance_change);
/* user_get_card; given: the giver's card when a friend gave it, else NULL. */
MUST_CHECK bool sim_push_received(struct sim_world *world, const struct sim_member *card,
                                  const struct sim_member *given, bool restored);
/* user_gifting_card of the giver; the friend may be absent. */
MUST_CHECK bool sim_push_gifting(struct sim_world *world, const struct sim_member *card,
                                 struct str friend_openid, bool returned);
MUST_CHECK bool sim_push_deleted(struct sim_world *world, const struct sim_member *card);
MUST_CHECK bool sim_push_submitted(struct sim_world *world, const struct sim_member *card);
/* card_pass_check or card_not_pass_check. */
MUST_CHECK bool sim_push_audit(struct sim_world *world, const struct sim_template *t, bool passed,
                               struct str reason);
MUST_CHECK bool sim_push_consumed(struct sim_world *world, const struct sim_member *card);
/* TEMPLATESENDJOBFINISH. */
MUST_CHECK bool sim_push_job_finish(struct sim_world *world, const struct sim_user *to,
                                    int64_t msgid);
