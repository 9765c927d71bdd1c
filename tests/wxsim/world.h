/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulated platform knows: accounts with their tokens and quotas, card templates,
 * members; all in memory. One thread. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/map.h"
#include "codec/json.h"
#include "codec/jsonw.h"
#include "wxsim/account.h"
#include "wxsim/member.h"
#include "wxsim/messages.h"
#include "wxsim/pushes.h"
#include "wxsim/replies.h"
#include "wxsim/template.h"
#include "wxsim/user.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_world {
    struct map *accounts;  /* appid to struct sim_account */
    struct map *templates; /* appid:card_id to struct sim_template */
    struct map *members;   /* appid:card_id:code to struct sim_member, which it owns */
    struct map *codes;     /* appid:code to the same, borrowed */
    struct map *tickets;   /* activate_ticket to struct sim_handle; it holds the answer's info */
    struct map *encrypted; /* encrypt_code to the same; it holds the code */
    struct map *scenes;    /* ticket of a QR code to the same; it holds the scene, see scene.h */
    struct map *logins;    /* code of a web authorisation to struct sim_login */
    struct map *users;     /* appid:openid to struct sim_user */
    struct sim_pushes pushes;
    struct sim_messages messages;
    struct sim_replies replies;
    int64_t ids;      /* of messages, rules, pages handed out so far */
    int64_t ahead_ms; /* simulated time before the clock's */
};

MUST_CHECK enum status sim_world_open(struct sim_world *world, struct err *err);
void sim_world_close(struct sim_world *world);
int64_t sim_world_now_ms(const struct sim_world *world);

/* {"accounts":[...],"templates":[...],"members":[...],"users":[...],"message_templates":[...]},
 * each optional. ST_REJECT names the place. */
MUST_CHECK enum status sim_world_load(struct sim_world *world, const struct json *from,
                                      struct err *err);
/* A card's template as the accounts file has it, new or in place of the one that is there. */
MUST_CHECK enum status sim_world_put_template(struct sim_world *world, const struct json *from,
                                              struct err *err);
/* Takes the template over in either case; it replaces the one that is there. */
MUST_CHECK enum status sim_world_add_template(struct sim_world *world,
                                              struct sim_template *template, struct err *err);
/* A new user, or changes to one that is there. */
MUST_CHECK enum status sim_world_put_user(struct sim_world *world, const struct json *from,
                                          struct err *err);
/* A new member, or changes to one that is there. Its card's template comes with it. */
MUST_CHECK enum status sim_world_put_member(struct sim_world *world, const struct json *from,
                                            struct err *err);
/* The card goes on under another code, which must be free. */
MUST_CHECK enum status sim_world_change_code(struct sim_world *world, struct sim_member *member,
                                             struct str code, struct err *err);
void sim_world_drop_member(struct sim_world *world, struct sim_member *member);

/* Borrowed; NULL when there is none. */
struct sim_account *sim_world_account(const struct sim_world *world, struct str appid);
struct sim_template *sim_world_template(const struct sim_world *world, struct str appid,
                                        struct str card_id);
struct sim_member *sim_world_member(const struct sim_world *world, struct str appid,
                                    struct str card_id, struct str code);
/* By the code alone; of several cards with one code, the one that came last. */
struct sim_member *sim_world_code(const struct sim_world *world, struct str appid, struct str code);

struct sim_user *sim_world_user(const struct sim_world *world, struct str appid, struct str openid);
/* The same, made when it is unknown: one who does not follow. NULL: no memory, or no openid. */
struct sim_user *sim_world_person(struct sim_world *world, struct str appid, struct str openid);

/* Accounts (no secrets, no tokens), templates, members, the clock. */
void sim_world_write(const struct sim_world *world, struct jsonw *w);
