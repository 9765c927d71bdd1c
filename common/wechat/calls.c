/* SPDX-License-Identifier: Apache-2.0 */
/* The calls as rows: path, nature, and what refuses one for good. */
#include "wechat/calls.h"

#include "base/attr.h"

#include <stdlib.h>
#include <string.h>

/* The card is not there or is no member card: asking again changes nothing. */
static const int no_such_card[] = {40073, 40116, 40174, 45030, 71004, 72001, 72003, 0};

/* Rows that code names stand in the table as well, hence macros. */
#define CODE_DECRYPT_ROW                                                        \
    {                                                                           \
        .type = "code.decrypt", .method = "POST", .path = "/card/code/decrypt", \
        .nature = NATURE_READ,                                                  \
    }
#define CODE_GET_ROW                                                                           \
    {                                                                                          \
        .type = "code.get", .method = "POST", .path = "/card/code/get", .nature = NATURE_READ, \
        .final_codes = no_such_card,                                                           \
    }
#define MEMBER_ACTIVATE_ROW                                                               \
    {                                                                                     \
        .type = "member.activate", .method = "POST", .path = "/card/membercard/activate", \
        .nature = NATURE_PROBE, .final_codes = no_such_card,                              \
    }
#define MEMBER_GET_ROW                                                                   \
    {                                                                                    \
        .type = "member.get", .method = "POST", .path = "/card/membercard/userinfo/get", \
        .nature = NATURE_READ, .final_codes = no_such_card,                              \
    }
#define MEMBER_TEMP_INFO_ROW                                                    \
    {                                                                           \
        .type = "member.temp_info", .method = "POST",                           \
        .path = "/card/membercard/activatetempinfo/get", .nature = NATURE_READ, \
    }
#define MEMBER_UPDATE_ROW                                                                 \
    {                                                                                     \
        .type = "member.update", .method = "POST", .path = "/card/membercard/updateuser", \
        .nature = NATURE_PROBE, .final_codes = no_such_card,                              \
    }

const struct call CALL_CODE_DECRYPT = CODE_DECRYPT_ROW;
const struct call CALL_CODE_GET = CODE_GET_ROW;
const struct call CALL_MEMBER_ACTIVATE = MEMBER_ACTIVATE_ROW;
const struct call CALL_MEMBER_GET = MEMBER_GET_ROW;
const struct call CALL_MEMBER_TEMP_INFO = MEMBER_TEMP_INFO_ROW;
const struct call CALL_MEMBER_UPDATE = MEMBER_UPDATE_ROW;

const struct call CALL_TOKEN_STABLE = {
    .type = "token.stable",
    .method = "POST",
    .path = "/cgi-bin/stable_token",
    .nature = NATURE_REPEATABLE,
};

/* Each call retires the token before it. */
const struct call CALL_TOKEN_CLASSIC = {
    .type = "token.classic",
    .method = "GET",
    .path = "/cgi-bin/token",
    .nature = NATURE_REPEATABLE,
};

const struct call CALL_TICKET_GET = {
    .type = "ticket.get",
    .method = "GET",
    .path = "/cgi-bin/ticket/getticket",
    .nature = NATURE_READ,
};

static const struct call calls[] = {
    CODE_DECRYPT_ROW, CODE_GET_ROW,         MEMBER_ACTIVATE_ROW,
    MEMBER_GET_ROW,   MEMBER_TEMP_INFO_ROW, MEMBER_UPDATE_ROW,
};

static int compare_type(const void *type, const void *row)
{
    const struct call *call = row;

    return strcmp(type, call->type);
}

const struct call *call_find(const char *type)
{
    return bsearch(type, calls, COUNT_OF(calls), sizeof(*calls), compare_type);
}

const struct call *call_all(size_t *count)
{
    *count = COUNT_OF(calls);
    return calls;
}
