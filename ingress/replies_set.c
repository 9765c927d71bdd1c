/* SPDX-License-Identifier: Apache-2.0 */
/* Three ways to find the first rule: messages by their keywords, events by name and key, and what
 * is left of messages by the first default rule. */
#include "base/mem.h"
#include "codec/utf8.h"
#include "replies_compile.h"
#include "replies_text.h"

enum { TEXT_MAX = 8192, EXPANDED_MAX = 128 * 1024 };

struct replies_set *replies_set_new(size_t count)
{
    struct replies_set *set = mem_zalloc(sizeof(*set));

    if (!set)
        return NULL;
    set->replies = mem_array(count + 1, sizeof(*set->replies));
    set->events = map_new();
    set->keywords = replies_index_new();
    if (!set->replies || !set->events || !set->keywords) {
        replies_set_free(set);
        return NULL;
    }
    set->first_default = REPLIES_NO_RULE;
    return set;
}

static void free_event(void *value)
{
    struct replies_event *e = value;

    map_free(e->keys, NULL);
    mem_free(e);
}

void replies_set_free(struct replies_set *set)
{
    if (!set)
        return;
    map_free(set->events, free_event);
    replies_index_free(set->keywords);
    mem_free(set->replies);
    arena_done(&set->arena);
    mem_free(set);
}

size_t replies_set_count(const struct replies_set *set)
{
    return set->count;
}

bool replies_event_name(struct str name, char room[REPLIES_EVENT_MAX], struct str *out)
{
    if (name.len > REPLIES_EVENT_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];

        room[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    *out = str_of(room, name.len);
    return true;
}

static struct replies_event *event_of(struct replies_set *set, struct str name)
{
    struct replies_event *e = map_get(set->events, name);

    if (e)
        return e;
    e = mem_zalloc(sizeof(*e));
    if (!e)
        return NULL;
    e->keys = map_new();
    if (!e->keys || !map_put(set->events, name, e, NULL)) {
        free_event(e);
        return NULL;
    }
    return e;
}

bool replies_set_add_event(struct replies_set *set, struct str name, struct str key,
                           struct reply *reply)
{
    struct replies_event *e = event_of(set, name);

    if (!e)
        return false;
    if (!str_is_set(key)) {
        e->any = e->any ? e->any : reply;
        return true;
    }
    return map_get(e->keys, key) || map_put(e->keys, key, reply, NULL);
}

static const struct reply *earlier(const struct reply *a, const struct reply *b)
{
    if (!a || !b)
        return a ? a : b;
    return a < b ? a : b; /* they stand in one array, in the order of the file */
}

static const struct reply *find_event(const struct replies_set *set, const struct push *push)
{
    const struct event *event = &push->event;
    char room[REPLIES_EVENT_MAX];
    const struct replies_event *e = NULL;
    struct str name;
    struct str key = event->scene;

    if (replies_event_name(event->event, room, &name))
        e = map_get(set->events, name);
    if (!e)
        return NULL;
    if (str_is_empty(key) && map_len(e->keys) > 0)
        key = xml_child(&push->xml, "EventKey");
    return earlier(e->any, map_get(e->keys, key));
}

/* REPLIES_NO_RULE too when memory is short: then the text fits no keyword. */
static uint32_t find_keyword(const struct replies_set *set, const struct push *push,
                             struct buf *folded)
{
    if (!set->has_keywords || !str_ieq(push->event.msg_type, STR("text")))
        return REPLIES_NO_RULE;
    buf_clear(folded);
    utf8_fold(utf8_cut(xml_child(&push->xml, "Content"), TEXT_MAX), folded);
    return replies_index_find(set->keywords, str_trim(buf_str(folded)));
}

static const struct reply *find_message(const struct replies_set *set, const struct push *push,
                                        struct buf *folded)
{
    uint32_t found = find_keyword(set, push, folded);

    if (set->first_default < found)
        found = set->first_default;
    return found == REPLIES_NO_RULE ? NULL : &set->replies[found];
}

const struct reply *replies_set_find(const struct replies_set *set, const struct push *push,
                                     struct buf *folded)
{
    return str_ieq(push->event.msg_type, STR("event")) ? find_event(set, push)
                                                       : find_message(set, push, folded);
}

static enum status fill_part(const struct reply_part *part, const struct event *event,
                             struct arena *arena, struct str *text, struct err *err)
{
    AUTO(buf_done) struct buf filled = BUF_INIT(EXPANDED_MAX);
    struct str copy;

    if (part->kind == REPLY_NAME || !str_is_set(replies_placeholder(*text)))
        return ST_OK;
    replies_expand(*text, part->kind == REPLY_URL, event, &filled);
    if (!buf_ok(&filled))
        return err_retry(err, "memory", "no memory for a reply");
    if (part->required && str_trim(buf_str(&filled)).len == 0)
        return err_reject(err, REASON_SCHEMA, "empty",
                          "%s is empty without what the push does not have", part->member);
    copy = arena_dup(arena, buf_str(&filled));
    if (filled.len > 0 && !str_is_set(copy))
        return err_retry(err, "memory", "no memory for a reply");
    *text = copy;
    return ST_OK;
}

enum status replies_fill(const struct reply *reply, const struct event *event, struct arena *arena,
                         struct reply *out, struct err *err)
{
    const struct reply_form *form = &REPLY_FORMS[reply->type];
    struct reply filled = *reply;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < REPLY_PARTS_MAX; i++)
        if (str_is_set(filled.parts[i]))
            rc = fill_part(&form->parts[i], event, arena, &filled.parts[i], err);
    if (rc == ST_OK)
        *out = filled;
    return rc;
}
