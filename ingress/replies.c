/* SPDX-License-Identifier: Apache-2.0 */
#include "replies.h"

#include "base/mem.h"
#include "log/log.h"

#include <pthread.h>
#include <stdatomic.h>

struct replies_held {
    atomic_size_t users;
    struct replies_set *set;
};

struct replies {
    char *path;
    pthread_mutex_t held_lock;
    struct replies_held *held;
};

void replies_release(struct replies_held *held)
{
    if (!held || atomic_fetch_sub(&held->users, 1) > 1)
        return;
    replies_set_free(held->set);
    mem_free(held);
}

/* NULL: err tells. */
static struct replies_held *read_held(const char *path, struct err *err)
{
    struct replies_held *held = mem_zalloc(sizeof(*held));

    if (!held) {
        (void)err_fatal(err, "memory", "out of memory");
        return NULL;
    }
    atomic_init(&held->users, 1);
    if (replies_set_read(path, &held->set, err) != ST_OK) {
        replies_release(held);
        return NULL;
    }
    return held;
}

enum status replies_open(const char *path, struct replies **out, struct err *err)
{
    struct replies *r = mem_zalloc(sizeof(*r));

    if (!r)
        return err_fatal(err, "memory", "out of memory");
    (void)pthread_mutex_init(&r->held_lock, NULL);
    r->path = mem_strdup(path);
    if (!r->path)
        (void)err_fatal(err, "memory", "out of memory");
    else
        r->held = read_held(path, err);
    if (!r->held) {
        replies_close(r);
        return ST_FATAL;
    }
    *out = r;
    return ST_OK;
}

void replies_close(struct replies *r)
{
    if (!r)
        return;
    replies_release(r->held);
    (void)pthread_mutex_destroy(&r->held_lock);
    mem_free(r->path);
    mem_free(r);
}

enum status replies_reload(struct replies *r, size_t *count, struct err *err)
{
    struct replies_held *fresh = read_held(r->path, err);
    struct replies_held *old;

    if (!fresh)
        return ST_REJECT;
    *count = replies_set_count(fresh->set);
    (void)pthread_mutex_lock(&r->held_lock);
    old = r->held;
    r->held = fresh;
    (void)pthread_mutex_unlock(&r->held_lock);
    replies_release(old);
    return ST_OK;
}

struct replies_held *replies_acquire(struct replies *r)
{
    struct replies_held *held;

    (void)pthread_mutex_lock(&r->held_lock);
    held = r->held;
    (void)atomic_fetch_add(&held->users, 1);
    (void)pthread_mutex_unlock(&r->held_lock);
    return held;
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
