/* SPDX-License-Identifier: Apache-2.0 */
/* One official account of the simulated platform. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/map.h"
#include "codec/json.h"
#include "codec/jsonw.h"
#include "wxsim/token.h"
#include "wxsim/totals.h"

#include <stdbool.h>
#include <stdint.h>

/* The kinds of token fetch; the last two are tickets. */
enum sim_fetch_kind {
    SIM_CLASSIC,
    SIM_NORMAL,
    SIM_FORCED,
    SIM_JSAPI,
    SIM_WX_CARD,
    SIM_FETCH_KINDS
};

const char *sim_fetch_name(enum sim_fetch_kind kind); /* "classic" ...; static */

struct sim_fetch {
    enum sim_fetch_kind kind;
    bool fresh; /* a new token was made */
    int64_t at_ms;
};

enum { SIM_FETCHES_KEPT = 256 };

/* Of one path; a limit of zero is none. */
struct sim_quota {
    int64_t per_day;
    int64_t per_minute;
    int64_t used_day;
    int64_t used_minute;
    int64_t day; /* UTC+8 */
    int64_t minute;
};

enum { SIM_DENIED_MAX = 16 };

/* A message template that the account has in the console (wechat-api 9.1). */
struct sim_wording {
    bool subscribe;    /* of the newer system: its ids are others */
    struct json *keys; /* of its data, an array; NULL: any */
};

struct sim_account {
    char *appid;
    char *secret;
    char *original_id;
    char *callback_token;
    char *aes_key;
    char *picture_host; /* of uploaded pictures; NULL: the one that card fields accept */
    char *audit;        /* NULL: cards pass at once; "wait": somebody decides */
    bool classic;       /* the classic token call is allowed */
    struct sim_token_rules rules;
    struct sim_token_line stable;
    struct sim_token_line by_classic;
    struct sim_token_line jsapi;
    struct sim_token_line wx_card;
    struct map *quotas; /* path to struct sim_quota */
    int64_t clear_month;
    int64_t clears; /* of quotas, in that month */
    uint64_t fetches[SIM_FETCH_KINDS];
    uint64_t fresh[SIM_FETCH_KINDS];
    int64_t denied[SIM_DENIED_MAX]; /* errcodes of what the account may not do */
    size_t denied_count;
    int64_t page_size;     /* of user/get */
    int64_t qr_limit;      /* permanent codes */
    struct map *scenes;    /* permanent codes, by action and scene, to their ticket */
    struct map *wordings;  /* template_id to struct sim_wording */
    struct map *pay_rules; /* rule_id to struct sim_pay_rule */
    struct json *menu;     /* as menu/create had it; NULL: none */
    int64_t menu_id;
    struct json *console_menu;   /* made in the console, as selfmenu_info shows it; NULL: none */
    struct json *callback_check; /* what callback/check answers; NULL: all is well */
    struct json *closed;    /* paths that the account may not call, with wildcards; NULL: none */
    struct json *autoreply; /* what get_current_autoreply_info answers; NULL: nothing is on */
    struct json *testers;   /* the last testwhitelist/set; NULL: none */
    int64_t totals[SIM_TOTALS];
    struct sim_fetch last_fetches[SIM_FETCHES_KEPT]; /* a ring */
    uint64_t fetch_count;
};

/* The account is the caller's. ST_REJECT says what is wrong with the object. */
MUST_CHECK enum status sim_account_read(const struct json *from, struct sim_account **out,
                                        struct err *err);
/* {"appid","template_id","subscribe"?,"keys"?} */
MUST_CHECK enum status sim_account_add_template(struct sim_account *account,
                                                const struct json *from, struct err *err);
bool sim_account_is_closed(const struct sim_account *account, struct str path);
bool sim_account_denies(const struct sim_account *account, int errcode);
void sim_account_free(void *account); /* NULL is fine */
/* Without secrets, callback token, key, tokens. */
void sim_account_write(const struct sim_account *a, int64_t now_ms, struct jsonw *w);

void sim_account_note_fetch(struct sim_account *account, enum sim_fetch_kind kind, bool fresh,
                            int64_t now_ms);
/* The quota of a path, made when missing; NULL when memory is short. */
struct sim_quota *sim_account_quota(struct sim_account *account, struct str path);
/* SIM_OK and one call spent, or the errcode of the limit that is reached. */
int sim_quota_spend(struct sim_quota *quota, int64_t now_ms);
