/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/control_cards.h"

#include "base/num.h"
#include "http/url.h"
#include "wxsim/card_pushes.h"
#include "wxsim/texts.h"

static enum status refuse(struct err *err, const char *what)
{
    return err_reject(err, REASON_SCHEMA, "schema", "%s", what);
}

/* One member, or {"members":[...]}. */
enum status sim_put_members(struct sim_control *c, struct json **body, struct jsonw *w,
                            struct err *err)
{
    static const char *const keys[] = {"members", NULL};
    const struct json *list = json_get(*body, "members");
    enum status rc;

    (void)w;
    if (list == NULL)
        return sim_world_put_member(c->world, *body, err);
    rc = sim_texts_only(NULL, 0, keys, *body, err);
    if (rc == ST_OK && !json_is(list, JSON_ARRAY))
        rc = refuse(err, "members must be an array");
    for (size_t i = 0; rc == ST_OK && i < json_len(list); i++)
        rc = sim_world_put_member(c->world, json_at(list, i), err);
    return rc;
}

static enum status set_status(struct sim_control *c, struct sim_member *card, struct str status,
                              struct err *err)
{
    const bool was_deleted = sim_member_has_status(card, "DELETE");
    const enum status rc = sim_member_set_status(card, status, err);

    if (rc != ST_OK || was_deleted || !sim_member_has_status(card, "DELETE"))
        return rc;
    return sim_push_deleted(c->world, card) ? ST_OK
                                            : err_retry(err, "memory", "no memory for a push");
}

enum status sim_delete_member(struct sim_control *c, struct json **body, struct jsonw *w,
                              struct err *err)
{
    static const char *const keys[] = {"appid", "card_id", "code", "status", "forget", NULL};
    struct sim_member *card =
        sim_world_member(c->world, json_get_str(*body, "appid"), json_get_str(*body, "card_id"),
                         json_get_str(*body, "code"));
    const struct str status = json_get_str(*body, "status");
    bool forget = false;
    const enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    (void)w;
    if (rc != ST_OK)
        return rc;
    if (card == NULL)
        return refuse(err, "no such member");
    if (json_has(*body, "forget") && !json_bool(json_get(*body, "forget"), &forget))
        return refuse(err, "forget must be true or false");
    if (!forget)
        return set_status(c, card, str_is_set(status) ? status : STR("DELETE"), err);
    sim_world_drop_member(c->world, card);
    return ST_OK;
}

enum status sim_put_template(struct sim_control *c, struct json **body, struct jsonw *w,
                             struct err *err)
{
    (void)w;
    return sim_world_put_template(c->world, *body, err);
}

/* Parameters of the query that name cards; absent ones name all. */
struct filter {
    struct str appid;
    struct str card_id;
    struct str code;
};

static bool passes(const struct filter *f, const struct sim_member *card)
{
    return (!str_is_set(f->appid) || str_eq_cstr(f->appid, card->appid)) &&
           (!str_is_set(f->card_id) || str_eq_cstr(f->card_id, card->card_id)) &&
           (!str_is_set(f->code) || str_eq_cstr(f->code, card->code));
}

/* {NAME:[...]} of the cards that the query names. */
static void write_cards(const struct sim_control *c, const struct sim_request *request,
                        const char *name,
                        void (*write)(const struct sim_member *card, struct jsonw *w),
                        struct jsonw *w)
{
    const struct filter filter = {
        .appid = url_query(request->query, "appid", request->arena),
        .card_id = url_query(request->query, "card_id", request->arena),
        .code = url_query(request->query, "code", request->arena),
    };

    jsonw_object(w);
    jsonw_key(w, str_from(name));
    jsonw_array(w);
    for (const struct map_entry *e = map_first(c->world->members); e != NULL; e = map_next(e))
        if (passes(&filter, map_value(e)))
            write(map_value(e), w);
    jsonw_array_end(w);
    jsonw_object_end(w);
}

enum status sim_read_cards(const struct sim_control *c, const struct sim_request *request,
                           struct jsonw *w, struct err *err)
{
    (void)err;
    write_cards(c, request, "cards", sim_member_write, w);
    return ST_OK;
}

enum status sim_read_effects(const struct sim_control *c, const struct sim_request *request,
                             struct jsonw *w, struct err *err)
{
    (void)err;
    write_cards(c, request, "effects", sim_member_write_effects, w);
    return ST_OK;
}

/* A number from 0; the preset when the query has none. */
static bool read_number(const struct sim_request *request, const char *name, int64_t *out)
{
    const struct str text = url_query(request->query, name, request->arena);

    return !str_is_set(text) || num_parse_i64(text, 0, INT64_MAX, out);
}

enum status sim_read_pushes(const struct sim_control *c, const struct sim_request *request,
                            struct jsonw *w, struct err *err)
{
    int64_t after = 0;
    int64_t limit = SIM_PUSHES_KEPT;

    if (!read_number(request, "after", &after) || !read_number(request, "limit", &limit))
        return refuse(err, "after and limit must be numbers from 0");
    sim_pushes_write(&c->world->pushes, after, limit, w);
    return ST_OK;
}
