/* SPDX-License-Identifier: Apache-2.0 */
/* Every WeChat call as a row; nobody else names a path. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum nature { NATURE_READ, NATURE_REPEATABLE, NATURE_PROBE, NATURE_ONCE };

struct call {
    const char *type;       /* "member.get" */
    const char *method;     /* "POST", or "GET": a command's body is then the query */
    const char *path;       /* "/card/membercard/userinfo/get" */
    enum nature nature;     /* of a body that asks for most; HTTP repeats by itself only what is
                               NATURE_READ or NATURE_REPEATABLE here */
    bool irreversible;      /* a command of this type wants "confirm": true and is never replayed */
    const int *final_codes; /* errcodes that refuse this call for good beside the table of errors.c;
                               0-terminated, or NULL */
};

/* By type, in alphabetical order; NULL when there is none. */
const struct call *call_find(const char *type);
const struct call *call_all(size_t *count);

extern const struct call CALL_CODE_DECRYPT;     /* code.decrypt: /card/code/decrypt */
extern const struct call CALL_CODE_GET;         /* code.get: /card/code/get */
extern const struct call CALL_MEMBER_ACTIVATE;  /* member.activate: /card/membercard/activate */
extern const struct call CALL_MEMBER_GET;       /* member.get: /card/membercard/userinfo/get */
extern const struct call CALL_MEMBER_TEMP_INFO; /* member.temp_info: .../activatetempinfo/get */
extern const struct call CALL_MEMBER_UPDATE;    /* member.update: /card/membercard/updateuser */
extern const struct call CALL_MESSAGE_CUSTOM;   /* message.custom */
extern const struct call CALL_MESSAGE_NOTICE;   /* message.subscribe */
extern const struct call CALL_MESSAGE_TEMPLATE; /* message.template */
extern const struct call CALL_QRCODE_CREATE;    /* qrcode.create */

/* oauth.exchange: needs the AppSecret; not among those that call_find and call_all offer. */
extern const struct call CALL_OAUTH_EXCHANGE; /* /sns/oauth2/access_token */

/* kabao-token's own; not among those that call_find and call_all offer. */
extern const struct call CALL_TOKEN_STABLE;  /* /cgi-bin/stable_token */
extern const struct call CALL_TOKEN_CLASSIC; /* /cgi-bin/token */
extern const struct call CALL_TICKET_GET;    /* /cgi-bin/ticket/getticket */
