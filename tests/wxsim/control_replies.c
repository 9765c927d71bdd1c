/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/control_replies.h"

#include "base/num.h"
#include "http/url.h"
#include "wxsim/login.h"
#include "wxsim/texts.h"

enum { TTL_MAX_S = 86400, ARENA_MAX = 64 * 1024 * 1024 };

static enum status refuse(struct err *err, const char *what)
{
    return err_reject(err, REASON_SCHEMA, "schema", "%s", what);
}

static const char *text_or(struct str given, const char *other)
{
    return str_is_set(given) ? given.ptr : other;
}

static enum status read_visit(const struct sim_control *c, const struct json *body,
                              struct sim_visit *out, struct err *err)
{
    const struct str appid = json_get_str(body, "appid");
    const struct str openid = json_get_str(body, "openid");
    const struct str scope = json_get_str(body, "scope");
    const struct sim_user *user = sim_world_user(c->world, appid, openid);
    int64_t ttl_s = SIM_LOGIN_TTL_S;

    if (sim_world_account(c->world, appid) == NULL || str_is_empty(openid))
        return refuse(err, "an appid that an account has and an openid are needed");
    out->userinfo = str_eq(scope, STR("snsapi_userinfo"));
    if (!out->userinfo && str_is_set(scope) && !str_eq(scope, STR("snsapi_base")))
        return refuse(err, "scope is snsapi_base or snsapi_userinfo");
    if (json_has(body, "snapshot") && !json_bool(json_get(body, "snapshot"), &out->snapshot))
        return refuse(err, "snapshot must be true or false");
    if (json_has(body, "ttl_s") &&
        (!json_get_i64(body, "ttl_s", &ttl_s) || ttl_s < 0 || ttl_s > TTL_MAX_S))
        return refuse(err, "ttl_s must be a number from 0 to 86400");
    out->appid = appid.ptr; /* json-c ends its texts in NUL */
    out->openid = openid.ptr;
    out->unionid = text_or(json_get_str(body, "unionid"), user != NULL ? user->unionid : NULL);
    out->expires_at_ms = sim_world_now_ms(c->world) + ttl_s * 1000;
    return ST_OK;
}

enum status sim_oauth_code(struct sim_control *c, struct json **body, struct jsonw *w,
                           struct err *err)
{
    static const char *const keys[] = {"appid",    "openid", "scope", "unionid",
                                       "snapshot", "ttl_s",  NULL};
    struct sim_visit visit = {.userinfo = false};
    char code[SIM_LOGIN_CODE + 1];
    enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc == ST_OK)
        rc = read_visit(c, *body, &visit, err);
    if (rc != ST_OK)
        return rc;
    if (!sim_login_add(c->world->logins, &visit, code))
        return err_retry(err, "memory", "no memory for a code");
    jsonw_key_str(w, "code", str_from(code));
    return ST_OK;
}

static enum status judge(struct sim_control *c, const struct sim_expected *expected,
                         struct str answer, struct jsonw *w, struct err *err)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
    struct sim_verdict verdict;

    sim_reply_judge(expected, answer, &arena, &verdict);
    if (verdict.is_reply && !sim_replies_add(&c->world->replies, expected, &verdict))
        return err_retry(err, "memory", "no memory for a reply");
    jsonw_key_bool(w, "reply", verdict.is_reply);
    jsonw_key_str(w, "bad", str_from(verdict.bad));
    return ST_OK;
}

/* The answer of a callback to a push of one of the accounts. */
enum status sim_put_reply(struct sim_control *c, struct json **body, struct jsonw *w,
                          struct err *err)
{
    static const char *const keys[] = {"appid", "openid", "mode", "push_type", "answer", NULL};
    const struct sim_account *account = sim_world_account(c->world, json_get_str(*body, "appid"));
    const struct str push_type = json_get_str(*body, "push_type");
    AUTO(crypt_freep) struct crypt *crypt = NULL;
    struct sim_expected expected;
    enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc != ST_OK)
        return rc;
    if (account == NULL || str_is_empty(json_get_str(*body, "openid")) ||
        !str_is_set(json_get_str(*body, "answer")))
        return refuse(err, "an appid that an account has, openid and answer are needed");
    if (account->aes_key != NULL)
        rc = sim_crypt_open(account->aes_key, &crypt, err);
    if (rc != ST_OK)
        return rc;
    expected = (struct sim_expected){
        .openid = json_get_str(*body, "openid"),
        .original_id = str_from(account->original_id),
        .appid = str_from(account->appid),
        .token = str_from(account->callback_token),
        .push_type = str_is_set(push_type) ? push_type : STR("text"),
        .crypt = crypt,
        .mode = crypt != NULL ? SIM_SECURE : SIM_PLAIN,
    };
    if (json_has(*body, "mode") && !sim_mode_parse(json_get_str(*body, "mode"), &expected.mode))
        return refuse(err, "mode is plain, compatible or secure");
    return judge(c, &expected, json_get_str(*body, "answer"), w, err);
}

enum status sim_read_replies(const struct sim_control *c, const struct sim_request *request,
                             struct jsonw *w, struct err *err)
{
    const struct str after = url_query(request->query, "after", request->arena);
    int64_t number = 0;

    if (str_is_set(after) && !num_parse_i64(after, 0, INT64_MAX, &number))
        return refuse(err, "after must be a number from 0");
    sim_replies_write(&c->world->replies, number,
                      url_query(request->query, "openid", request->arena), w);
    return ST_OK;
}
