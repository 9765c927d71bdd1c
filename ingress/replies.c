/* SPDX-License-Identifier: Apache-2.0 */
#include "replies.h"

#include "base/mem.h"
#include "current.h"
#include "log/log.h"

struct replies_held {
    struct current_item item;
    struct replies_set *set;
};

struct replies {
    struct current held;
};

static enum status held_read(const char *path, void *item, struct err *err)
{
    struct replies_held *held = item;

    return replies_set_read(path, &held->set, err);
}

static void held_done(void *item)
{
    const struct replies_held *held = item;

    replies_set_free(held->set);
}

static const struct current_kind HELD = {
    .size = sizeof(struct replies_held),
    .read = held_read,
    .done = held_done,
};

enum status replies_open(const char *path, struct replies **out, struct err *err)
{
    struct replies *r = mem_zalloc(sizeof(*r));
    enum status rc;

    if (!r)
        return err_fatal(err, "memory", "out of memory");
    rc = current_init(&r->held, &HELD, path, err);
    if (rc != ST_OK) {
        mem_free(r);
        return rc;
    }
    *out = r;
    return ST_OK;
}

void replies_close(struct replies *r)
{
    if (!r)
        return;
    current_done(&r->held);
    mem_free(r);
}

enum status replies_reload(struct replies *r, size_t *count, struct err *err)
{
    struct replies_held *fresh;

    if (current_reload(&r->held, err) != ST_OK)
        return ST_REJECT;
    fresh = replies_acquire(r);
    *count = replies_set_count(fresh->set);
    replies_release(fresh);
    return ST_OK;
}

struct replies_held *replies_acquire(struct replies *r)
{
    return current_acquire(&r->held);
}

void replies_release(struct replies_held *held)
{
    current_release(held);
}

const struct replies_set *replies_of(const struct replies_held *held)
{
    return held->set;
}

/* All accounts */

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
