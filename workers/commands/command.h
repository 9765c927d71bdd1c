/* SPDX-License-Identifier: Apache-2.0 */
/* One command in hand, and what its type has beside its row of common/wechat/calls.c. */
#pragma once

#include "codec/crypto.h"
#include "model/wechat_command.h"
#include "run/lane.h"
#include "wechat/commands.h"

enum { COMMAND_ERRMSG_MAX = 512 };

struct special;

/* Texts are the record's, the lane's arena's or the settings'. */
struct command {
    struct lane *lane;
    const struct message *message;
    const struct account *account;   /* NULL: none of that name */
    const struct command_type *type; /* NULL: refused before it was known */
    const struct special *special;   /* never NULL */
    const struct json *body;         /* NULL: none */
    struct str reply_to;             /* absent: none that is allowed */
    struct deadline send_by;         /* zero: none */
    struct schema_fault fault; /* where a refused command is at fault; pointer empty: nowhere */
    struct buf errmsg;         /* WeChat's words on an errcode */
    /* Hex digits of the SHA-256 of the record's value, where the ledger has the command; "". */
    char request_hash[2 * SHA256_LEN + 1];
};

void command_done(struct command *c);

/* What came of a call. */
struct reply {
    struct opt_i64 errcode; /* 0 where WeChat answered */
    struct str errmsg;      /* WeChat's */
    struct str answer;      /* JSON object; absent: none, or too large */
    bool too_large;
    struct str at; /* RFC 3339; absent: when it is kept */
};

/* What a type needs code for; NULL: as its row says. */
struct special {
    const char *type;
    enum nature (*nature)(const struct command *c);
    /* Makes the call: in place of command_send with the body as it is. As step.call (effects.h). */
    enum status (*run)(struct command *c, struct deadline until, struct reply *reply,
                       struct err *err);
    /* In place of run: all that happens is in the database. As step.decide. */
    enum status (*decide)(struct command *c, struct db *tx, struct reply *reply, struct err *err);
    /* NATURE_PROBE: as step.probe. What is not there did not happen: the call then says why. */
    enum status (*probe)(struct command *c, struct deadline until, bool *happened,
                         struct reply *reply, struct err *err);
    /* Tells others what was done before the result is told: emits, from the reply (which may be the
     * ledger's) and the command alone, so that a command that comes again tells the same. */
    enum status (*after)(struct command *c, const struct reply *reply, struct err *err);
};

/* special.c; one that has nothing where there is none of that type. */
const struct special *special_find(const char *type);

extern const struct special SPECIAL_BIND_END;
extern const struct special SPECIAL_BIND_START;
extern const struct special SPECIAL_CARD_ACTIVATE_URL;
extern const struct special SPECIAL_CARD_CREATE;
extern const struct special SPECIAL_CARD_DELETE;
extern const struct special SPECIAL_CODE_CONSUME;
extern const struct special SPECIAL_CODE_UNAVAILABLE;
extern const struct special SPECIAL_CODE_UPDATE;
extern const struct special SPECIAL_MEDIA_UPLOAD;
extern const struct special SPECIAL_MEDIA_UPLOADIMG;
extern const struct special SPECIAL_MEMBER_ACTIVATE;
extern const struct special SPECIAL_MEMBER_ERASE;
extern const struct special SPECIAL_MEMBER_FIND;
extern const struct special SPECIAL_MESSAGE_TEMPLATE;
extern const struct special SPECIAL_OAUTH_EXCHANGE;
extern const struct special SPECIAL_VERIFY_CHECK;
extern const struct special SPECIAL_VERIFY_SEND;
extern const struct special SPECIAL_VERIFY_START;
