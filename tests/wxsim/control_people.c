/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/control_people.h"

#include "base/num.h"
#include "http/url.h"
#include "wxsim/card_pushes.h"
#include "wxsim/texts.h"

static enum status refuse(struct err *err, const char *what)
{
    return err_reject(err, REASON_SCHEMA, "schema", "%s", what);
}

/* One user, or {"users":[...]}. */
enum status sim_put_users(struct sim_control *c, struct json **body, struct jsonw *w,
                          struct err *err)
{
    static const char *const keys[] = {"users", NULL};
    const struct json *list = json_get(*body, "users");
    enum status rc;

    (void)w;
    if (list == NULL)
        return sim_world_put_user(c->world, *body, err);
    rc = sim_texts_only(NULL, 0, keys, *body, err);
    if (rc == ST_OK && !json_is(list, JSON_ARRAY))
        rc = refuse(err, "users must be an array");
    for (size_t i = 0; rc == ST_OK && i < json_len(list); i++)
        rc = sim_world_put_user(c->world, json_at(list, i), err);
    return rc;
}

/* The platform's decision about a card. */
enum status sim_audit(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    static const char *const keys[] = {"appid", "card_id", "pass", "reason", NULL};
    struct sim_template *t =
        sim_world_template(c->world, json_get_str(*body, "appid"), json_get_str(*body, "card_id"));
    struct str reason = json_get_str(*body, "reason");
    bool pass = true;
    const enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    (void)w;
    if (rc != ST_OK)
        return rc;
    if (t == NULL || sim_template_has_status(t, "CARD_STATUS_DELETE"))
        return refuse(err, "no such card");
    if (json_has(*body, "pass") && !json_bool(json_get(*body, "pass"), &pass))
        return refuse(err, "pass must be true or false");
    if (!str_is_set(reason))
        reason = pass ? STR("") : STR("非法代制");
    if (!sim_template_set_status(t, pass ? "CARD_STATUS_VERIFY_OK" : "CARD_STATUS_VERIFY_FAIL") ||
        !sim_push_audit(c->world, t, pass, reason))
        return err_retry(err, "memory", "no memory for a push");
    return ST_OK;
}

enum status sim_read_users(const struct sim_control *c, const struct sim_request *request,
                           struct jsonw *w, struct err *err)
{
    const struct str openid = url_query(request->query, "openid", request->arena);

    (void)err;
    jsonw_object(w);
    jsonw_key(w, STR("users"));
    jsonw_array(w);
    for (struct map_entry *e = map_first(c->world->users); e != NULL; e = map_next(e)) {
        const struct sim_user *user = map_value(e);

        if (!str_is_set(openid) || str_eq_cstr(openid, user->openid))
            sim_user_write(user, w);
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
    return ST_OK;
}

enum status sim_read_messages(const struct sim_control *c, const struct sim_request *request,
                              struct jsonw *w, struct err *err)
{
    const struct str after = url_query(request->query, "after", request->arena);
    int64_t number = 0;

    if (str_is_set(after) && !num_parse_i64(after, 0, INT64_MAX, &number))
        return refuse(err, "after must be a number from 0");
    sim_messages_write(&c->world->messages, number,
                       url_query(request->query, "openid", request->arena), w);
    return ST_OK;
}

enum status sim_read_totals(const struct sim_control *c, const struct sim_request *request,
                            struct jsonw *w, struct err *err)
{
    (void)request;
    (void)err;
    jsonw_object(w);
    jsonw_key(w, STR("totals"));
    jsonw_object(w);
    for (struct map_entry *e = map_first(c->world->accounts); e != NULL; e = map_next(e)) {
        const struct sim_account *account = map_value(e);

        jsonw_key(w, str_from(account->appid));
        sim_totals_write(account->totals, w);
    }
    jsonw_object_end(w);
    jsonw_object_end(w);
    return ST_OK;
}
