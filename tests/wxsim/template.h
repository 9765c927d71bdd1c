/* SPDX-License-Identifier: Apache-2.0 */
/* A card template: what a merchant creates, what users' cards are copies of (wechat-api 4.1, 5). */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/map.h"
#include "codec/json.h"
#include "codec/jsonw.h"

#include <stdbool.h>
#include <stdint.h>

/* A value of card_type and the key of its object. */
struct sim_card_kind {
    const char *type; /* "MEMBER_CARD" */
    const char *key;  /* "member_card" */
    bool closed;      /* cannot be created any more (wechat-api 5) */
};

/* NULL: no such type, no object of a known type. */
const struct sim_card_kind *sim_card_kind(struct str type);
const struct sim_card_kind *sim_card_kind_in(const struct json *object);

extern const char *const SIM_CARD_STATUSES[]; /* NULL-terminated */
extern const int64_t SIM_STOCK_MAX;

struct sim_template {
    char *appid;
    char *card_id;
    char *card_type;
    char *status;         /* one of SIM_CARD_STATUSES */
    struct json *content; /* the type's object: base_info and its siblings */
    char *form;           /* of activateuserform/set; JSON, NULL: none */
    bool use_custom_code;
    bool deposit; /* codes are imported */
    bool needs_mark;
    bool pay_cell;
    bool self_consume;
    int64_t bonus_limit; /* more than that is refused */
    int64_t balance_limit;
    int64_t quantity; /* left */
    int64_t total_quantity;
    int64_t create_s;
    int64_t update_s;
    struct map *codes; /* imported ones, to anything but NULL */
};

/* A plain approved one; NULL: no memory. */
struct sim_template *sim_template_new(struct str appid, struct str card_id, int64_t now_s);
/* As the accounts file has it. ST_REJECT says what is wrong. */
MUST_CHECK enum status sim_template_read(const struct json *from, int64_t now_s,
                                         struct sim_template **out, struct err *err);
void sim_template_free(void *template); /* NULL is fine */
/* For /sim/state. */
void sim_template_write(const struct sim_template *t, struct jsonw *w);

bool sim_template_has_status(const struct sim_template *t, const char *status);
MUST_CHECK bool sim_template_set_status(struct sim_template *t, const char *status);
bool sim_template_is(const struct sim_template *t, const char *card_type);
/* Users may receive it. */
bool sim_template_is_approved(const struct sim_template *t);
/* Its codes are the merchant's and not known to the platform beforehand. */
bool sim_template_has_foreign_codes(const struct sim_template *t);
