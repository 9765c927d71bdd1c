/* SPDX-License-Identifier: Apache-2.0 */
#include "replies_accounts.h"

#include "base/mem.h"
#include "log/log.h"
#include "replies.h"

enum status replies_open_all(const struct settings *settings, struct replies ***out,
                             struct err *err)
{
    struct replies **all = mem_array(settings->account_count + 1, sizeof(void *));
    enum status rc = ST_OK;

    if (!all)
        return err_fatal(err, "memory", "out of memory");
    for (size_t i = 0; rc == ST_OK && i < settings->account_count; i++)
        if (settings->accounts[i].autoreply_file)
            rc = replies_open(settings->accounts[i].autoreply_file, &all[i], err);
    if (rc != ST_OK) {
        replies_close_all(settings, all);
        return rc;
    }
    *out = all;
    return ST_OK;
}

void replies_close_all(const struct settings *settings, struct replies **replies)
{
    for (size_t i = 0; replies && i < settings->account_count; i++)
        replies_close(replies[i]);
    mem_free(replies);
}

static void reload(const char *account, struct replies *replies)
{
    struct err err = {0};
    size_t rules = 0;

    if (replies_reload(replies, &rules, &err) == ST_OK)
        log_info(EV("replies.reloaded"), kv_cstr("account", account),
                 kv_int("rules", (int64_t)rules));
    else
        log_error(EV("replies.kept"), kv_cstr("account", account), kv_cstr("code", err.code),
                  kv_cstr("error", err.text));
}

void replies_reload_all(const struct settings *settings, struct replies **replies)
{
    for (size_t i = 0; replies && i < settings->account_count; i++)
        if (replies[i])
            reload(settings->accounts[i].name, replies[i]);
}

enum status replies_check(const struct settings *settings, struct err *err)
{
    struct replies **replies = NULL;
    enum status rc = replies_open_all(settings, &replies, err);

    replies_close_all(settings, replies);
    return rc;
}
