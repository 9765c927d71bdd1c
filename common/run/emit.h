/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler may send on: one constant per kind of record. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "kafka/topics.h"
#include "model/activation.h"
#include "model/binding.h"
#include "model/wechat_result.h"

#include <stdbool.h>

/* How a record is addressed; texts live as long as the record or the arena. */
struct emit_address {
    struct str topic; /* a full name; absent: of the emit's topic */
    struct str type;  /* ce_type; absent: the emit's */
    struct str key;
    struct str appid;
    struct str subject; /* the card's code, where there is one */
    struct str id;      /* ce_id; absent: derived as struct emit says */
    struct str part;    /* tells several of one parent and step apart; absent: there is one */
};

struct emit {
    enum topic topic;
    const char *type;       /* ce_type */
    const char *dataschema; /* the schema's $id */
    const char *step;       /* the record's id derives from the parent's and this */
    bool news;              /* several may come of one parent: each has an id by chance instead */
    bool keeps_time; /* ce_time is the parent's: when it was asked for, however often it is told */
    void (*write)(const void *record, struct buf *out); /* NULL: a tombstone, with nothing but key
                                                           and traceparent */
    bool (*address)(const void *record, struct arena *arena,
                    struct emit_address *out); /* false: no memory */
};

extern const struct emit EMIT_MEMBER;          /* struct member */
extern const struct emit EMIT_MEMBER_IMPORTED; /* struct member */
extern const struct emit EMIT_MEMBER_GONE;     /* struct member: its key's parts */
extern const struct emit EMIT_TOKEN_STATE;     /* struct token_state */
extern const struct emit EMIT_TOKEN_BAD;       /* struct token_bad */

/* struct bonus_result; the command's or push's id and "result" name it, so that the answer to a
 * command seen again is the same record. By card key; by command_id where no card is named. */
extern const struct emit EMIT_BONUS_RESULT;

struct activation_emit {
    struct str id; /* a hash of the effect; absent: derived from the parent */
    struct activation activation;
};

extern const struct emit EMIT_CARD_ACTIVATED;       /* struct activation_emit */
extern const struct emit EMIT_ACTIVATION_REQUESTED; /* struct activation_emit */
extern const struct emit EMIT_ACTIVATION_PENDING;   /* struct activation_emit */

/* struct binding, with ce_type kabao.binding.<kind>. Under <appid>:<openid>; kind pending under
 * <appid>:<scene>. Derived from the parent, the kind, openid and scene: several may come of one
 * parent, each once. */
extern const struct emit EMIT_BINDING;

/* A command in the name of somebody else (the CRM's answer), valid against its schema. */
struct command_emit {
    struct str id;
    struct str key; /* see schemas/README.md */
    struct str appid;
    struct str subject;
    struct str json; /* the value as it is */
    struct str type; /* ce_type; absent: the emit's */
};

extern const struct emit EMIT_COMMAND_BONUS;      /* struct command_emit */
extern const struct emit EMIT_COMMAND_ACTIVATION; /* struct command_emit */
extern const struct emit EMIT_COMMAND_WECHAT;     /* struct command_emit, with its type */

/* What became of a command of cmd.wechat; its id and "result" name it. */
struct result_emit {
    struct str topic; /* absent: result.wechat; else the reply_to of the command */
    struct str key;   /* the command's */
    struct str appid;
    struct wechat_result result;
};

extern const struct emit EMIT_WECHAT_RESULT; /* struct result_emit */
