/* SPDX-License-Identifier: Apache-2.0 */
/* The errcodes as rows. Sources: the platform's card pages and its full list of return codes
 * (https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html). */
#include "wechat/errors.h"

#include "base/attr.h"

#include <stdlib.h>

static const struct errcode errcodes[] = {
    {-1, ERRCODE_RETRY, "system busy"},
    {0, ERRCODE_OK, "ok"},
    {40001, ERRCODE_TOKEN, "the token is invalid or not the newest, or the AppSecret is wrong"},
    {40002, ERRCODE_BUG, "bad grant_type"},
    {40003, ERRCODE_FINAL, "the openid is not one of this account"},
    {40004, ERRCODE_BUG, "bad media type"},
    {40005, ERRCODE_BUG, "bad file type"},
    {40006, ERRCODE_BUG, "bad file size"},
    {40007, ERRCODE_FINAL, "the media_id is invalid or has expired"},
    {40008, ERRCODE_BUG, "bad message type"},
    {40009, ERRCODE_BUG, "picture too large"},
    {40013, ERRCODE_ALARM, "AppID unknown: compare appid of the account with the console"},
    {40014, ERRCODE_TOKEN, "the token is malformed or invalid"},
    {40015, ERRCODE_BUG, "bad menu type"},
    {40016, ERRCODE_BUG, "bad number of buttons"},
    {40017, ERRCODE_BUG, "bad type of a button"},
    {40018, ERRCODE_BUG, "bad length of a button's name"},
    {40019, ERRCODE_BUG, "bad length of a button's key"},
    {40020, ERRCODE_BUG, "bad length of a button's url"},
    {40021, ERRCODE_BUG, "bad menu version"},
    {40022, ERRCODE_BUG, "bad level of a sub menu"},
    {40023, ERRCODE_BUG, "bad number of sub buttons"},
    {40024, ERRCODE_BUG, "bad type of a sub button"},
    {40025, ERRCODE_BUG, "bad length of a sub button's name"},
    {40026, ERRCODE_BUG, "bad length of a sub button's key"},
    {40027, ERRCODE_BUG, "bad length of a sub button's url"},
    {40029, ERRCODE_FINAL, "the OAuth code is invalid"},
    {40030, ERRCODE_FINAL, "the refresh token is invalid"},
    {40033, ERRCODE_BUG, "illegal characters, such as \\u escapes, in the request"},
    {40035, ERRCODE_BUG, "bad parameter"},
    {40037, ERRCODE_BUG, "bad template_id, or one of the other template system"},
    {40053, ERRCODE_BUG, "bad action info"},
    {40054, ERRCODE_BUG, "bad domain of a sub button's url"},
    {40055, ERRCODE_BUG, "bad domain of a button's url"},
    {40056, ERRCODE_FINAL, "invalid serial code"},
    {40066, ERRCODE_BUG, "bad url"},
    {40070, ERRCODE_BUG, "bad sku"},
    {40071, ERRCODE_BUG, "bad card type"},
    {40072, ERRCODE_BUG, "bad code type or location id"},
    {40073, ERRCODE_BUG, "bad card id"},
    {40075, ERRCODE_BUG, "bad encrypt code"},
    {40076, ERRCODE_BUG, "bad colour"},
    {40078, ERRCODE_FINAL, "bad card status"},
    {40079, ERRCODE_BUG, "bad time"},
    {40080, ERRCODE_BUG, "bad cardExt"},
    {40097, ERRCODE_BUG, "bad parameter"},
    {40098, ERRCODE_BUG, "bad poi id"},
    {40099, ERRCODE_FINAL, "the card is consumed already"},
    {40100, ERRCODE_BUG, "bad date range"},
    {40107, ERRCODE_FINAL, "the card must be approved and have a store"},
    {40109, ERRCODE_BUG, "too many codes in one deposit"},
    {40110, ERRCODE_BUG, "no codes to deposit"},
    {40111, ERRCODE_BUG, "codes given twice"},
    {40112, ERRCODE_BUG, "bind_openid cannot be set"},
    {40116, ERRCODE_BUG, "invalid code"},
    {40122, ERRCODE_BUG, "bad stock quantity"},
    {40124, ERRCODE_BUG, "too many custom fields"},
    {40125, ERRCODE_ALARM, "AppSecret wrong: compare secret_file of the account with the console"},
    {40127, ERRCODE_FINAL, "the card is deleted, given away, expired or unavailable"},
    {40130, ERRCODE_BUG, "too few openids"},
    {40135, ERRCODE_BUG, "points cannot be switched off"},
    {40136, ERRCODE_BUG, "bad deposit quantity"},
    {40137, ERRCODE_BUG, "bad picture format"},
    {40139, ERRCODE_BUG, "bad sub-merchant"},
    {40140, ERRCODE_BUG, "bad sub-merchant"},
    {40141, ERRCODE_BUG, "bad picture URL"},
    {40143, ERRCODE_BUG, "least_cost must be 0"},
    {40144, ERRCODE_BUG, "bad list of shared cards"},
    {40145, ERRCODE_BUG, "pay cell and centre cell exclude each other"},
    {40146, ERRCODE_FINAL, "the card is marked by another user"},
    {40147, ERRCODE_FINAL, "outside the time of consumption"},
    {40148, ERRCODE_BUG, "bad friends card type"},
    {40149, ERRCODE_BUG, "bad limit of use time"},
    {40150, ERRCODE_BUG, "bad card parameters"},
    {40151, ERRCODE_FINAL, "refused by anti-spam"},
    {40158, ERRCODE_BUG, "use_custom_code must be false"},
    {40163, ERRCODE_FINAL, "the OAuth code was used"},
    {40164, ERRCODE_ALARM,
     "this host's address is not in the IP allow list of the console: add it there"},
    {40168, ERRCODE_FINAL, "the mini program is not linked"},
    {40174, ERRCODE_FINAL, "not a user of this card"},
    {40179, ERRCODE_FINAL, "the rules are frozen"},
    {40243, ERRCODE_ALARM, "the AppSecret is frozen: unfreeze it in the console"},
    {40247, ERRCODE_FINAL, "a template of the closed public library"},
    {41001, ERRCODE_BUG, "token missing"},
    {41002, ERRCODE_BUG, "appid missing"},
    {41004, ERRCODE_BUG, "secret missing"},
    {41005, ERRCODE_BUG, "media data missing: the part needs a file name and a type"},
    {41011, ERRCODE_BUG, "required field missing"},
    {41012, ERRCODE_BUG, "card_id missing"},
    {41013, ERRCODE_BUG, "code missing"},
    {41014, ERRCODE_BUG, "ticket field missing"},
    {41015, ERRCODE_BUG, "ticket field missing"},
    {41016, ERRCODE_BUG, "ticket field missing"},
    {41017, ERRCODE_BUG, "ticket field missing"},
    {41025, ERRCODE_BUG, "poi list empty"},
    {41026, ERRCODE_BUG, "image list empty"},
    {42001, ERRCODE_TOKEN, "the token has expired"},
    {42002, ERRCODE_FINAL, "the refresh token has expired"},
    {42003, ERRCODE_FINAL, "the OAuth code has expired"},
    {42007, ERRCODE_FINAL, "the user changed the password: authorise again"},
    {43001, ERRCODE_BUG, "the call wants GET"},
    {43002, ERRCODE_BUG, "the call wants POST"},
    {43004, ERRCODE_FINAL, "the user does not follow the account"},
    {43008, ERRCODE_ALARM, "the account has no WeChat Pay: apply for it in the console"},
    {43009, ERRCODE_ALARM, "no permission for custom codes: apply for it in the console"},
    {43010, ERRCODE_ALARM, "no permission for stored value: apply for it in the console"},
    {43011, ERRCODE_ALARM, "no permission for points: apply for it in the console"},
    {43012, ERRCODE_ALARM, "no permission for custom URLs: apply for it in the console"},
    {43015, ERRCODE_FINAL, "needs WeChat's authorisation"},
    {43017, ERRCODE_FINAL, "needs a location id"},
    {43018, ERRCODE_FINAL, "the code is not marked"},
    {43019, ERRCODE_FINAL, "the user refused or is on a blacklist"},
    {43101, ERRCODE_FINAL, "the user refused the notice"},
    {44002, ERRCODE_BUG, "the body is empty"},
    {45001, ERRCODE_BUG, "file too large"},
    {45009, ERRCODE_DAY, "the daily quota of this call is used up"},
    {45010, ERRCODE_BUG, "a text of the menu is longer than allowed"},
    {45011, ERRCODE_MINUTE, "called too often within a minute"},
    {45015, ERRCODE_FINAL, "outside the time for a reply"},
    {45021, ERRCODE_BUG, "field too long"},
    {45022, ERRCODE_FINAL, "limit of points reached"},
    {45023, ERRCODE_FINAL, "limit of balance reached"},
    {45025, ERRCODE_BUG, "too many poi ids"},
    {45029, ERRCODE_FINAL, "limit of QR codes reached"},
    {45030, ERRCODE_FINAL, "this card_id has no permission for the call"},
    {45031, ERRCODE_FINAL, "no stock left"},
    {45033, ERRCODE_FINAL, "the user reached get_limit"},
    {45039, ERRCODE_BUG, "bad card list"},
    {45040, ERRCODE_DAY, "the monthly quota of this call is used up"},
    {45041, ERRCODE_FINAL, "total stock exceeded"},
    {45042, ERRCODE_BUG, "bad card type of a sub-merchant"},
    {45043, ERRCODE_BUG, "share_friends is wrong"},
    {45044, ERRCODE_BUG, "bad icon url"},
    {45045, ERRCODE_BUG, "not for friends cards"},
    {45046, ERRCODE_BUG, "cells conflict"},
    {45047, ERRCODE_FINAL, "too many customer messages"},
    {45064, ERRCODE_FINAL, "a mini program of the menu is not linked to the account"},
    {45080, ERRCODE_FINAL, "the typing sign needs a message of the user just before"},
    {45081, ERRCODE_FINAL, "the typing sign is on already"},
    {45087, ERRCODE_FINAL, "customer messages are blocked"},
    {45102, ERRCODE_ALARM, "the API is blocked for a time"},
    {45103, ERRCODE_ALARM, "the API is no longer supported"},
    {45154, ERRCODE_BUG, "bad verify code"},
    {45155, ERRCODE_BUG, "bad verify code"},
    {45156, ERRCODE_BUG, "bad verify code"},
    {45160, ERRCODE_FINAL, "the category may not create cards"},
    {46003, ERRCODE_FINAL, "there is no menu"},
    {47001, ERRCODE_BUG, "the request is not JSON"},
    {47002, ERRCODE_BUG, "illegal characters, such as \\u escapes, in the request"},
    {47003, ERRCODE_BUG, "bad parameter"},
    {48001, ERRCODE_ALARM,
     "the API is not open to this account: open the card feature in the console"},
    {48002, ERRCODE_FINAL, "the user refuses messages"},
    {48004, ERRCODE_ALARM, "the API is blocked as a penalty: see the notices in the console"},
    {48006, ERRCODE_FINAL, "counters were reset ten times this month"},
    {49004, ERRCODE_BUG, "bad signature"},
    {50004, ERRCODE_ALARM, "the account may not use its token"},
    {50007, ERRCODE_ALARM, "the account is frozen: see the notices in the console"},
    {61023, ERRCODE_ALARM,
     "the refresh token of a third-party platform is void: not a self-run account"},
    {61024, ERRCODE_ALARM, "the token of a third-party platform is needed: not a self-run account"},
    {61450, ERRCODE_RETRY, "system error"},
    {65316, ERRCODE_FINAL, "the links of the menu lead to too many domains"},
    {71004, ERRCODE_FINAL, "the card has expired"},
    {72001, ERRCODE_FINAL, "no matching card"},
    {72003, ERRCODE_FINAL, "a member card is needed"},
    {72011, ERRCODE_FINAL, "the activation ticket is void"},
    {72012, ERRCODE_RETRY, "the activation ticket is not ready yet"},
    {72016, ERRCODE_ALARM, "the account may not create member cards"},
    {72019, ERRCODE_FINAL, "more than five cards"},
    {72021, ERRCODE_FINAL, "the account may not create general cards"},
    {72032, ERRCODE_FINAL, "pay-gift rule: refused"},
    {72033, ERRCODE_FINAL, "pay-gift rule: refused"},
    {73200, ERRCODE_FINAL, "card look-up refused"},
    {73204, ERRCODE_FINAL, "card look-up refused"},
    {76021, ERRCODE_BUG, "unknown cgi_path"},
    {76022, ERRCODE_FINAL, "no permission for this cgi_path"},
    {89501, ERRCODE_ALARM, "a confirmation request is pending with the administrator"},
    {89503, ERRCODE_ALARM, "this IP needs the confirmation that was sent to the administrator"},
    {89506, ERRCODE_ALARM, "the administrator refused this IP: blocked for 24 h"},
    {89507, ERRCODE_ALARM, "the administrator refused this IP: blocked for 1 h"},
};

static const struct errcode unknown = {0, ERRCODE_RETRY, "unknown"};
static const struct errcode final = {0, ERRCODE_FINAL, "final for this call"};
/* 41xxx: something required is missing. */
static const struct errcode missing = {0, ERRCODE_BUG, "a required value is missing"};

static int compare_code(const void *code, const void *row)
{
    const struct errcode *errcode = row;
    const int wanted = *(const int *)code;

    return (wanted > errcode->code) - (wanted < errcode->code);
}

static bool is_final_for(const struct call *call, int code)
{
    if (call == NULL || call->final_codes == NULL || code == 0)
        return false;
    for (const int *at = call->final_codes; *at != 0; at++)
        if (*at == code)
            return true;
    return false;
}

static bool refuses(const struct errcode *row)
{
    return row->class == ERRCODE_FINAL || row->class == ERRCODE_BUG;
}

const struct errcode *errcode_find(int code, const struct call *call)
{
    const struct errcode *row =
        bsearch(&code, errcodes, COUNT_OF(errcodes), sizeof(*errcodes), compare_code);

    if (is_final_for(call, code) && (row == NULL || !refuses(row)))
        return &final;
    if (row != NULL)
        return row;
    return code >= 41000 && code <= 41999 ? &missing : &unknown;
}

const struct errcode *errcode_all(size_t *count)
{
    *count = COUNT_OF(errcodes);
    return errcodes;
}
