/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/replies.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/json.h"

enum { TEXT_MAX = 1024 * 1024 };

static void write_fields(const struct sim_verdict *v, struct jsonw *w)
{
    jsonw_object(w);
    for (int i = 1; i < v->xml.count; i++) {
        if (v->xml.elements[i].has_children)
            continue;
        jsonw_key(w, v->parts[i].path);
        jsonw_str(w, v->xml.elements[i].text);
    }
    jsonw_object_end(w);
}

static void write_reply(const struct sim_expected *expected, const struct sim_verdict *v,
                        int64_t number, struct jsonw *w)
{
    jsonw_object(w);
    jsonw_key_i64(w, "n", number);
    jsonw_key_str(w, "appid", expected->appid);
    jsonw_key_str(w, "openid", expected->openid);
    jsonw_key_str(w, "mode", str_from(sim_mode_name(expected->mode)));
    if (v->xml.count > 0) {
        jsonw_key_str(w, "type", xml_child(&v->xml, "MsgType"));
        jsonw_key_str(w, "content", xml_child(&v->xml, "Content"));
    }
    jsonw_key(w, STR("fields"));
    write_fields(v, w);
    jsonw_key_str(w, "bad", str_from(v->bad));
    jsonw_object_end(w);
}

bool sim_replies_add(struct sim_replies *r, const struct sim_expected *expected,
                     const struct sim_verdict *verdict)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct jsonw w = {.out = &text};
    char **slot;
    char *copy;

    if (r->ring == NULL)
        r->ring = mem_array(SIM_REPLIES_KEPT, sizeof(*r->ring));
    write_reply(expected, verdict, r->last + 1, &w);
    copy = buf_ok(&text) ? mem_strdup(text.ptr) : NULL;
    if (r->ring == NULL || copy == NULL) {
        mem_free(copy);
        return false;
    }
    slot = &r->ring[++r->last % SIM_REPLIES_KEPT];
    mem_free(*slot);
    *slot = copy;
    r->good += verdict->bad == NULL;
    r->bad += verdict->bad != NULL;
    return true;
}

static bool is_to(const char *reply, struct str openid)
{
    struct json *document = NULL;
    struct err err;
    bool is = !str_is_set(openid);

    if (!is && json_parse(str_from(reply), &document, &err) == ST_OK)
        is = str_eq(json_get_str(document, "openid"), openid);
    json_free(document);
    return is;
}

void sim_replies_write(const struct sim_replies *r, int64_t after, struct str openid,
                       struct jsonw *w)
{
    const int64_t first = r->last > SIM_REPLIES_KEPT ? r->last - SIM_REPLIES_KEPT + 1 : 1;

    jsonw_object(w);
    jsonw_key(w, STR("replies"));
    jsonw_array(w);
    for (int64_t n = after >= first ? after + 1 : first; n <= r->last; n++)
        if (is_to(r->ring[n % SIM_REPLIES_KEPT], openid))
            jsonw_raw(w, str_from(r->ring[n % SIM_REPLIES_KEPT]));
    jsonw_array_end(w);
    jsonw_key_i64(w, "last", r->last);
    jsonw_key_i64(w, "good", r->good);
    jsonw_key_i64(w, "bad", r->bad);
    jsonw_object_end(w);
}

void sim_replies_done(struct sim_replies *r)
{
    for (size_t i = 0; r->ring != NULL && i < SIM_REPLIES_KEPT; i++)
        mem_free(r->ring[i]);
    mem_free(r->ring);
    *r = (struct sim_replies){.last = 0};
}
