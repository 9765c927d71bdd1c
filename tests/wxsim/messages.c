/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/messages.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/json.h"

enum { REPEATED_MS = 10 * 60 * 1000, TEXT_MAX = 1024 * 1024, KEY_MAX = 512 };

struct sim_sent {
    int64_t msgid;
    int64_t at_ms;
};

static void add_key(struct buf *key, const struct sim_user *to, struct str client_msg_id)
{
    buf_addf(key, "%s:%s:", to->appid, to->openid);
    buf_add(key, client_msg_id);
}

static void write_message(const struct sim_message *message, int64_t number, struct jsonw *w)
{
    jsonw_object(w);
    jsonw_key_i64(w, "n", number);
    jsonw_key_str(w, "kind", str_from(sim_told_name(message->kind)));
    jsonw_key_str(w, "appid", str_from(message->to->appid));
    jsonw_key_str(w, "openid", str_from(message->to->openid));
    jsonw_key_str(w, "template_id", message->template_id);
    jsonw_key_str(w, "client_msg_id", message->client_msg_id);
    jsonw_key_str(w, "type", message->type);
    if (message->msgid != 0)
        jsonw_key_i64(w, "msgid", message->msgid);
    jsonw_key_i64(w, "at_ms", message->at_ms);
    if (str_is_set(message->body)) {
        jsonw_key(w, STR("body"));
        jsonw_raw(w, message->body);
    }
    jsonw_object_end(w);
}

static bool keep_id(struct sim_messages *m, const struct sim_message *message)
{
    AUTO(buf_done) struct buf key = BUF_INIT(KEY_MAX);
    const struct sim_sent values = {message->msgid, message->at_ms};
    struct sim_sent *sent;
    void *old = NULL;

    if (str_is_empty(message->client_msg_id))
        return true;
    if (m->by_client_id == NULL)
        m->by_client_id = map_new();
    add_key(&key, message->to, message->client_msg_id);
    sent = mem_copy(&values, sizeof(values));
    if (sent == NULL || m->by_client_id == NULL || !buf_ok(&key) ||
        !map_put(m->by_client_id, buf_str(&key), sent, &old)) {
        mem_free(sent);
        return false;
    }
    mem_free(old);
    return true;
}

bool sim_messages_add(struct sim_messages *m, const struct sim_message *message)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};
    char **slot;
    char *copy;

    if (m->ring == NULL)
        m->ring = mem_array(SIM_MESSAGES_KEPT, sizeof(*m->ring));
    write_message(message, m->last + 1, &w);
    copy = buf_ok(&text) ? mem_strdup(text.ptr) : NULL;
    if (m->ring == NULL || copy == NULL || !keep_id(m, message)) {
        mem_free(copy);
        return false;
    }
    slot = &m->ring[++m->last % SIM_MESSAGES_KEPT];
    mem_free(*slot);
    *slot = copy;
    return true;
}

int64_t sim_messages_repeated(const struct sim_messages *m, const struct sim_user *to,
                              struct str client_msg_id, int64_t now_ms)
{
    AUTO(buf_done) struct buf key = BUF_INIT(KEY_MAX);
    const struct sim_sent *sent = NULL;

    add_key(&key, to, client_msg_id);
    if (m->by_client_id != NULL && !str_is_empty(client_msg_id))
        sent = map_get(m->by_client_id, buf_str(&key));
    return sent != NULL && now_ms - sent->at_ms < REPEATED_MS ? sent->msgid : 0;
}

static bool is_to(const char *message, struct str openid)
{
    struct json *document = NULL;
    struct err err;
    bool is = !str_is_set(openid);

    if (!is && json_parse(str_from(message), &document, &err) == ST_OK)
        is = str_eq(json_get_str(document, "openid"), openid);
    json_free(document);
    return is;
}

void sim_messages_write(const struct sim_messages *m, int64_t after, struct str openid,
                        struct jsonw *w)
{
    const int64_t first = m->last > SIM_MESSAGES_KEPT ? m->last - SIM_MESSAGES_KEPT + 1 : 1;

    jsonw_object(w);
    jsonw_key(w, STR("messages"));
    jsonw_array(w);
    for (int64_t n = after >= first ? after + 1 : first; n <= m->last; n++)
        if (is_to(m->ring[n % SIM_MESSAGES_KEPT], openid))
            jsonw_raw(w, str_from(m->ring[n % SIM_MESSAGES_KEPT]));
    jsonw_array_end(w);
    jsonw_key_i64(w, "last", m->last);
    jsonw_object_end(w);
}

void sim_messages_done(struct sim_messages *m)
{
    for (size_t i = 0; m->ring != NULL && i < SIM_MESSAGES_KEPT; i++)
        mem_free(m->ring[i]);
    mem_free(m->ring);
    map_free(m->by_client_id, mem_free);
    *m = (struct sim_messages){.last = 0};
}
