/* SPDX-License-Identifier: Apache-2.0 */
/* A person as an account sees one: does he follow, when did he last write, what was he told
 * (wechat-api 9, 11.2). */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/jsonw.h"

#include <stdbool.h>
#include <stdint.h>

/* Ways in which a person is told something. */
enum sim_told { SIM_BY_TEMPLATE, SIM_BY_SUBSCRIBE, SIM_BY_CUSTOM, SIM_BY_SYSTEM, SIM_TOLD_KINDS };

const char *sim_told_name(enum sim_told kind); /* "template", ...; static */

struct sim_user {
    char *appid;
    char *openid;
    char *unionid;
    char *remark;
    char *language;
    char *subscribe_scene;
    char *qr_scene_str;
    char *contact; /* message, menu, follow, scan, pay: what the last contact was */
    bool subscribe;
    bool refuses; /* messages of customer service */
    bool blocks;  /* template messages: they are taken, and never arrive */
    int64_t subscribe_time;
    int64_t qr_scene;
    int64_t last_contact_s;     /* 0: none */
    int64_t since_contact;      /* messages of customer service since then */
    struct json *subscriptions; /* template ids he takes notices of; NULL: none */
    int64_t told[SIM_TOLD_KINDS];
};

struct sim_user *sim_user_new(int64_t now_s); /* one who follows; NULL: no memory */
void sim_user_free(void *user);               /* NULL is fine */
MUST_CHECK bool sim_user_name(struct sim_user *user, struct str appid, struct str openid);
/* The object's members replace the user's, the others stay. ST_REJECT says what is wrong with it.
 */
MUST_CHECK enum status sim_user_read(struct sim_user *user, const struct json *from,
                                     struct err *err);
/* As it is read, and how often he was told something. */
void sim_user_write(const struct sim_user *user, struct jsonw *w);
/* He did something that opens a window of messages: "message", "menu", "follow", "scan", "pay".
 * False: no memory. */
MUST_CHECK bool sim_user_touch(struct sim_user *user, const char *contact, int64_t now_s);
/* He follows from now on, by a scene (absent: without one) that is a number or a text. False: no
 * memory. */
MUST_CHECK bool sim_user_follow(struct sim_user *user, struct str scene, bool number,
                                int64_t now_s);
void sim_user_unfollow(struct sim_user *user);
bool sim_user_takes(const struct sim_user *user, struct str template_id);
/* SIM_OK, or the errcode of a message of customer service at this time. */
int sim_user_may_be_written_to(const struct sim_user *user, int64_t now_s);
