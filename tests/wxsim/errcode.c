/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/errcode.h"

#include "base/attr.h"

#include <stddef.h>

static const struct {
    int errcode;
    const char *message;
} messages[] = {
    {SIM_BUSY, "system error"},
    {SIM_OK, "ok"},
    {SIM_BAD_TOKEN, "invalid credential, access_token is invalid or not latest"},
    {SIM_BAD_GRANT, "invalid grant_type"},
    {SIM_BAD_APPID, "invalid appid"},
    {SIM_MALFORMED_TOKEN, "invalid access_token"},
    {SIM_ESCAPED_TEXT,
     "invalid charset. please check your request, if include \\uxxxx will create fail!"},
    {SIM_BAD_CODE, "invalid serial code"},
    {SIM_BAD_URL, "invalid url"},
    {SIM_BAD_CARD_ID, "invalid card id"},
    {SIM_BAD_ENCRYPT_CODE, "invalid encrypt code"},
    {SIM_BAD_ARGS, "invalid args"},
    {SIM_CONSUMED, "code has been consumed"},
    {SIM_BAD_DATE_RANGE, "invalid date range"},
    {SIM_BAD_SECRET, "invalid appsecret"},
    {SIM_BAD_CARD_STATE, "invalid user-card status"},
    {SIM_NO_TOKEN, "access_token missing"},
    {SIM_NO_APPID, "appid missing"},
    {SIM_NO_SECRET, "appsecret missing"},
    {SIM_NO_FIELD, "required field missing"},
    {SIM_NO_CARD_ID, "cardid missing"},
    {SIM_NO_CODE, "code missing"},
    {SIM_EXPIRED_TOKEN, "access_token expired"},
    {SIM_NEEDS_GET, "require GET method"},
    {SIM_NEEDS_POST, "require POST method"},
    {SIM_EMPTY_BODY, "empty post data"},
    {SIM_DAY_LIMIT, "reach max api daily quota limit"},
    {SIM_MINUTE_LIMIT, "api minute-quota reach limit"},
    {SIM_TOO_LONG, "field size out of limit"},
    {SIM_BONUS_LIMIT, "bonus out of limit"},
    {SIM_BALANCE_LIMIT, "balance out of limit"},
    {SIM_BAD_JSON, "data format error"},
    {SIM_NOT_ALLOWED, "api unauthorized"},
    {SIM_CLEAR_LIMIT, "forbid to clear quota because of reaching the limit"},
    {SIM_BAD_TICKET, "invalid activate ticket"},
    {SIM_EXPIRED_TICKET, "activate ticket expired"},
    {SIM_UNKNOWN_PATH, "could not find this cgi_path"},
};

const char *sim_errcode_message(int errcode)
{
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        if (messages[i].errcode == errcode)
            return messages[i].message;
    return "error";
}
