/* SPDX-License-Identifier: Apache-2.0 */
#include "check_remedy.h"

#include "base/attr.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum { ADDRESS_SIZE = 64 };

#define ALLOW_LIST                                                            \
    "in WeChat's console, basic configuration (基本配置), IP allow list " \
    "(IP白名单)"

struct fault_row {
    const char *code;
    enum fetch_line line;
    bool names_address; /* of this machine, as WeChat sees it */
    const char *text;
};

static const struct fault_row ROWS[] = {
    {"wechat:40164", FETCH_ADDRESS, true,
     "is not on the IP allow list: put it there, " ALLOW_LIST ", and ask again in some minutes"},
    {"wechat:89501", FETCH_ADDRESS, true,
     "waits for the account's administrator, whom WeChat has asked in WeChat itself: once they "
     "agreed, ask again from this machine"},
    {"wechat:89503", FETCH_ADDRESS, true,
     "must be confirmed by the account's administrator: WeChat has just sent them a message; once "
     "they agreed, ask again from this machine"},
    {"wechat:89506", FETCH_ADDRESS, true,
     "was refused by the account's administrator: WeChat takes nothing from it for 24 hours; then "
     "ask again and let them agree, or put it on the IP allow list"},
    {"wechat:89507", FETCH_ADDRESS, true,
     "was refused by the account's administrator: WeChat takes nothing from it for 1 hour; then "
     "ask again and let them agree, or put it on the IP allow list"},
    {"wechat:40013", FETCH_SECRET, false,
     "there is no such AppID: compare appid with the console, basic configuration"},
    {"wechat:40125", FETCH_SECRET, false,
     "the AppSecret is another one: put the console's into secret_file; where nobody has it, reset "
     "it there and give the new one to every system that fetches tokens"},
    {"wechat:40001", FETCH_SECRET, false,
     "the AppSecret is another one: put the console's into secret_file; where nobody has it, reset "
     "it there and give the new one to every system that fetches tokens"},
    {"wechat:40243", FETCH_SECRET, false,
     "the AppSecret is frozen: unfreeze it in the console, basic configuration"},
    {"setting", FETCH_SECRET, false, NULL},
    {"wechat:45009", FETCH_TOKEN, false,
     "today's fetches are used up: another system fetches too often; they begin anew at midnight "
     "in "
     "China, or with \"clear quota\" in the console"},
    {"wechat:48001", FETCH_TOKEN, false,
     "the account may not fetch tokens this way: set [token] api = stable"},
    {"wechat:50007", FETCH_TOKEN, false,
     "the account is frozen: see the notices in WeChat's console"},
};

/* "... invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist" */
static bool find_address(const char *text, char out[ADDRESS_SIZE])
{
    static const char before[] = "invalid ip ";
    const char *at = strstr(text, before);
    size_t len;

    if (!at)
        return false;
    at += sizeof(before) - 1;
    len = strspn(at, "0123456789abcdefABCDEF.:");
    while (len > 0 && (at[len - 1] == '.' || at[len - 1] == ':'))
        len--;
    return len > 0 && str_copy(str_of(at, len), out, ADDRESS_SIZE);
}

struct fetch_fault fetch_remedy(const struct account *account, const char *code, const char *text,
                                char *remedy, size_t size)
{
    char address[ADDRESS_SIZE] = "this machine's address";

    remedy[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        const struct fault_row *row = &ROWS[i];

        if (strcmp(row->code, code) != 0)
            continue;
        (void)find_address(text, address);
        if (row->text && row->names_address)
            (void)snprintf(remedy, size, "%s %s (%s)", address, row->text, code);
        else if (row->text)
            (void)snprintf(remedy, size, "[account %s] %s (%s)", account->name, row->text, code);
        return (struct fetch_fault){row->line, row->text != NULL};
    }
    return (struct fetch_fault){FETCH_TOKEN, false};
}
