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
    set->rules = mem_array(count + 1, sizeof(*set->rules));
    set->events = map_new();
    set->keywords = replies_index_new();
    if (!set->rules || !set->events || !set->keywords) {
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
    mem_free(set->rules);
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
                           struct replies_rule *rule)
{
    struct replies_event *e = event_of(set, name);

    if (!e)
        return false;
    if (!str_is_set(key)) {
        e->any = e->any ? e->any : rule;
        return true;
    }
    return map_get(e->keys, key) || map_put(e->keys, key, rule, NULL);
}

static const struct replies_rule *earlier(const struct replies_rule *a,
                                          const struct replies_rule *b)
{
    if (!a || !b)
        return a ? a : b;
    return a < b ? a : b; /* they stand in one array, in the order of the file */
}

static const struct replies_rule *find_event(const struct replies_set *set, const struct push *push)
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

static const struct replies_rule *find_message(const struct replies_set *set,
                                               const struct push *push, struct buf *folded)
{
    uint32_t found = find_keyword(set, push, folded);

    if (set->first_default < found)
        found = set->first_default;
    return found == REPLIES_NO_RULE ? NULL : &set->rules[found];
}

const struct reply *replies_set_find(const struct replies_set *set, const struct push *push,
                                     struct buf *folded)
{
    const struct replies_rule *rule = str_ieq(push->event.msg_type, STR("event"))
                                          ? find_event(set, push)
                                          : find_message(set, push, folded);

    return rule ? &rule->reply : NULL;
}

static bool fill_part(const struct reply_part *part, struct str text, const struct event *event,
                      struct arena *arena, struct str *out)
{
    AUTO(buf_done) struct buf filled = BUF_INIT(EXPANDED_MAX);

    *out = text;
    if (part->kind == REPLY_NAME || !str_is_set(replies_placeholder(text)))
        *out = arena_dup(arena, text); /* the rules may be gone before the answer is written */
    else {
        replies_expand(text, part->kind == REPLY_URL, event, &filled);
        *out = buf_ok(&filled) ? arena_dup(arena, buf_str(&filled)) : (struct str){0};
    }
    return str_is_set(*out);
}

bool replies_fill(const struct reply *reply, const struct event *event, struct arena *arena,
                  struct reply *out)
{
    const struct reply_form *form = &REPLY_FORMS[reply->type];

    *out = (struct reply){.type = reply->type};
    for (size_t i = 0; i < REPLY_PARTS_MAX; i++)
        if (str_is_set(reply->parts[i]) &&
            !fill_part(&form->parts[i], reply->parts[i], event, arena, &out->parts[i]))
            return false;
    return true;
}
