/* SPDX-License-Identifier: Apache-2.0 */
#include "current.h"

#include "base/mem.h"

void current_release(void *item)
{
    struct current_item *i = item;

    if (!i || atomic_fetch_sub(&i->users, 1) > 1)
        return;
    i->kind->done(i);
    mem_free(i);
}

static enum status read_item(const struct current *c, struct current_item **out, struct err *err)
{
    struct current_item *item = mem_zalloc(c->kind->size);
    enum status rc;

    if (!item)
        return err_fatal(err, "memory", "out of memory");
    atomic_init(&item->users, 1);
    item->kind = c->kind;
    rc = c->kind->read(c->path, item, err);
    if (rc == ST_OK)
        *out = item;
    else
        current_release(item);
    return rc;
}

enum status current_init(struct current *c, const struct current_kind *kind, const char *path,
                         struct err *err)
{
    enum status rc;

    *c = (struct current){.kind = kind, .path = mem_strdup(path)};
    (void)pthread_mutex_init(&c->item_lock, NULL);
    rc = c->path ? read_item(c, &c->item, err) : err_fatal(err, "memory", "out of memory");
    if (rc == ST_OK)
        return rc;
    current_done(c);
    return ST_FATAL;
}

void current_done(struct current *c)
{
    current_release(c->item);
    (void)pthread_mutex_destroy(&c->item_lock);
    mem_free(c->path);
}

enum status current_reload(struct current *c, struct err *err)
{
    struct current_item *fresh = NULL;
    struct current_item *old;

    if (read_item(c, &fresh, err) != ST_OK)
        return ST_REJECT;
    (void)pthread_mutex_lock(&c->item_lock);
    old = c->item;
    c->item = fresh;
    (void)pthread_mutex_unlock(&c->item_lock);
    current_release(old);
    return ST_OK;
}

void *current_acquire(struct current *c)
{
    struct current_item *item;

    (void)pthread_mutex_lock(&c->item_lock);
    item = c->item;
    (void)atomic_fetch_add(&item->users, 1);
    (void)pthread_mutex_unlock(&c->item_lock);
    return item;
}
