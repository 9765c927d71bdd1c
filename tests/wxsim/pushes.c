/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/pushes.h"

#include "base/mem.h"

enum { PUSH_MAX_BYTES = 16 * 1024 };

static void write_fields(const struct sim_push *push, struct jsonw *w)
{
    jsonw_object(w);
    jsonw_key_str(w, "ToUserName",
                  push->original_id != NULL ? str_from(push->original_id) : STR(""));
    jsonw_key_str(w, "FromUserName", str_from(push->openid));
    jsonw_key_i64(w, "CreateTime", push->at_ms / 1000);
    jsonw_key_str(w, "MsgType", push->msg_type != NULL ? str_from(push->msg_type) : STR("event"));
    if (push->msg_type == NULL)
        jsonw_key_str(w, "Event", str_from(push->event));
    jsonw_key_str(w, "CardId", str_from(push->card_id));
    jsonw_key_str(w, "UserCardCode", str_from(push->code));
    for (size_t i = 0; i < push->field_count; i++) {
        const struct sim_push_field *field = &push->fields[i];

        if (str_is_set(field->text))
            jsonw_key_str(w, field->name, field->text);
        else
            jsonw_key_i64(w, field->name, field->number);
    }
    jsonw_object_end(w);
}

static void write_push(const struct sim_push *push, int64_t number, struct jsonw *w)
{
    jsonw_object(w);
    jsonw_key_i64(w, "n", number);
    jsonw_key_str(w, "event", str_from(push->event));
    jsonw_key_str(w, "appid", str_from(push->appid));
    jsonw_key_str(w, "card_id", str_from(push->card_id));
    jsonw_key_str(w, "code", str_from(push->code));
    jsonw_key_str(w, "openid", str_from(push->openid));
    jsonw_key(w, STR("fields"));
    write_fields(push, w);
    jsonw_object_end(w);
}

bool sim_pushes_add(struct sim_pushes *p, const struct sim_push *push)
{
    AUTO(buf_done) struct buf text = BUF_INIT(PUSH_MAX_BYTES);
    struct jsonw w = {.out = &text};
    char **slot;
    char *copy;

    if (p->ring == NULL)
        p->ring = mem_array(SIM_PUSHES_KEPT, sizeof(*p->ring));
    write_push(push, p->last + 1, &w);
    copy = buf_ok(&text) ? mem_strdup(text.ptr) : NULL;
    if (p->ring == NULL || copy == NULL) {
        mem_free(copy);
        return false;
    }
    slot = &p->ring[++p->last % SIM_PUSHES_KEPT];
    mem_free(*slot);
    *slot = copy;
    return true;
}

void sim_pushes_write(const struct sim_pushes *p, int64_t after, int64_t limit, struct jsonw *w)
{
    const int64_t first = p->last > SIM_PUSHES_KEPT ? p->last - SIM_PUSHES_KEPT + 1 : 1;
    const int64_t from = after >= first ? after + 1 : first;

    jsonw_object(w);
    jsonw_key(w, STR("pushes"));
    jsonw_array(w);
    for (int64_t n = from; n <= p->last && n - from < limit; n++)
        jsonw_raw(w, str_from(p->ring[n % SIM_PUSHES_KEPT]));
    jsonw_array_end(w);
    jsonw_key_i64(w, "first", first);
    jsonw_key_i64(w, "last", p->last);
    jsonw_object_end(w);
}

void sim_pushes_done(struct sim_pushes *p)
{
    for (size_t i = 0; p->ring != NULL && i < SIM_PUSHES_KEPT; i++)
        mem_free(p->ring[i]);
    mem_free(p->ring);
    *p = (struct sim_pushes){.last = 0};
}
