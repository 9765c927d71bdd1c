/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/control_life.h"

#include "base/buf.h"
#include "base/num.h"
#include "base/rand.h"
#include "wxsim/card_pushes.h"
#include "wxsim/handles.h"
#include "wxsim/texts.h"

enum { MEMBER_MAX = 1024 * 1024, CODE_DIGITS = 12, TICKET_TTL_S = 1800, TICKET_TTL_MAX_S = 86400 };

struct code {
    char text[CODE_DIGITS + 1];
};

static enum status refuse(struct err *err, const char *what)
{
    return err_reject(err, REASON_SCHEMA, "schema", "%s", what);
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a card, a push or a ticket");
}

static struct sim_member *find_card(const struct sim_control *c, const struct json *body)
{
    return sim_world_member(c->world, json_get_str(body, "appid"), json_get_str(body, "card_id"),
                            json_get_str(body, "code"));
}

/* The card that the body names, which must have the status (NULL: any). NULL: err says why not, the
 * status is ST_REJECT. */
static struct sim_member *take_card(const struct sim_control *c, const struct json *body,
                                    const char *status, struct err *err)
{
    struct sim_member *card = find_card(c, body);

    if (card == NULL) {
        (void)refuse(err, "no such card");
        return NULL;
    }
    if (status != NULL && !sim_member_has_status(card, status)) {
        (void)err_reject(err, REASON_SCHEMA, "schema", "the card is %s, not %s", card->status,
                         status);
        return NULL;
    }
    return card;
}

/* As the platform allots them; of no card yet. */
static struct code new_code(const struct sim_world *world, struct str appid)
{
    struct code code;

    do {
        for (size_t i = 0; i < CODE_DIGITS; i++)
            code.text[i] = (char)('0' + (int)rand_below(10));
        code.text[CODE_DIGITS] = '\0';
    } while (sim_world_code(world, appid, str_from(code.text)) != NULL);
    return code;
}

/* An imported code that nobody has yet; of other cards one as the platform allots them. */
static struct str free_code(const struct sim_world *world, const struct sim_template *t,
                            struct str appid, struct code *room)
{
    struct map_entry *e = t != NULL && t->deposit ? map_first(t->codes) : NULL;

    while (e != NULL && sim_world_code(world, appid, map_key(e)) != NULL)
        e = map_next(e);
    if (e != NULL)
        return map_key(e);
    *room = new_code(world, appid);
    return str_from(room->text);
}

static bool is_tester(const struct sim_account *account, struct str openid)
{
    const struct json *list = json_get(account->testers, "openid");

    for (size_t i = 0; i < json_len(list); i++)
        if (str_eq(json_str(json_at(list, i)), openid))
            return true;
    return false;
}

/* t is NULL for a card that comes with its first member. */
static enum status check_receivable(const struct sim_control *c, const struct sim_template *t,
                                    const struct json *body, struct err *err)
{
    if (t == NULL)
        return ST_OK;
    if (sim_template_has_status(t, "CARD_STATUS_DELETE"))
        return refuse(err, "the template was deleted");
    if (!sim_template_is_approved(t) &&
        !is_tester(sim_world_account(c->world, str_from(t->appid)), json_get_str(body, "openid")))
        return refuse(err, "the template is not approved");
    return t->quantity > 0 ? ST_OK : refuse(err, "the card is out of stock");
}

/* The values of an object, as POST /sim/members has them. */
static enum status put_card(struct sim_control *c, const struct buf *text, struct err *err)
{
    AUTO(json_freep) struct json *values = NULL;
    enum status rc;

    if (!buf_ok(text))
        return no_memory(err);
    rc = json_parse(buf_str(text), &values, err);
    if (rc == ST_OK)
        rc = sim_world_put_member(c->world, values, err);
    return rc;
}

/* Everything of the body but what the control itself asks for. */
static void write_values(const struct json *body, struct jsonw *w)
{
    for (struct json_iter i = json_iter(body); json_next(&i);) {
        AUTO(buf_done) struct buf value = BUF_INIT(MEMBER_MAX);

        if (str_eq_cstr(i.key, "restore"))
            continue;
        json_format(i.value, &value);
        jsonw_key(w, i.key);
        jsonw_raw(w, buf_str(&value));
    }
}

/* A deleted card that comes back as a new one. */
static enum status empty_card(struct sim_control *c, const struct sim_member *card, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(MEMBER_MAX);
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    jsonw_key_str(&w, "appid", str_from(card->appid));
    jsonw_key_str(&w, "card_id", str_from(card->card_id));
    jsonw_key_str(&w, "code", str_from(card->code));
    jsonw_key_str(&w, "membership_number", str_from(card->code));
    jsonw_key_i64(&w, "bonus", 0);
    jsonw_key(&w, STR("balance"));
    jsonw_null(&w);
    jsonw_key_bool(&w, "has_active", false);
    jsonw_key(&w, STR("form"));
    jsonw_null(&w);
    jsonw_key(&w, STR("custom_form"));
    jsonw_null(&w);
    jsonw_object_end(&w);
    return put_card(c, &text, err);
}

/* A card that nobody had under this code. */
static enum status receive_new(struct sim_control *c, const struct json *body, struct str code,
                               struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(MEMBER_MAX);
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    write_values(body, &w);
    if (!json_has(body, "code"))
        jsonw_key_str(&w, "code", code);
    jsonw_object_end(&w);
    return put_card(c, &text, err);
}

/* A card that its user deleted. */
static enum status receive_again(struct sim_control *c, const struct json *body,
                                 struct sim_member *card, bool restore, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(MEMBER_MAX);
    struct jsonw w = {.out = &text};
    enum status rc = ST_OK;

    if (!sim_member_has_status(card, "DELETE"))
        return refuse(err, "the code is in use, only a deleted card can be received again");
    if (!restore)
        rc = empty_card(c, card, err);
    if (rc != ST_OK)
        return rc;
    jsonw_object(&w);
    write_values(body, &w);
    jsonw_object_end(&w);
    rc = put_card(c, &text, err);
    return rc == ST_OK ? sim_member_set_status(card, STR("NORMAL"), err) : rc;
}

enum status sim_receive(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    const struct str appid = json_get_str(*body, "appid");
    const struct str card_id = json_get_str(*body, "card_id");
    struct code made;
    struct str code = json_get_str(*body, "code");
    struct sim_member *card = find_card(c, *body);
    struct sim_template *t = sim_world_template(c->world, appid, card_id);
    bool restore = card != NULL;
    enum status rc;

    if (json_has(*body, "restore") && !json_bool(json_get(*body, "restore"), &restore))
        return refuse(err, "restore must be true or false");
    if (restore && card == NULL)
        return refuse(err, "no such card to restore");
    if (!json_has(*body, "code"))
        code = free_code(c->world, t, appid, &made);
    rc = card == NULL ? check_receivable(c, t, *body, err) : ST_OK;
    if (rc != ST_OK)
        return rc;
    rc = card != NULL ? receive_again(c, *body, card, restore, err)
                      : receive_new(c, *body, code, err);
    if (rc != ST_OK)
        return rc;
    if (card == NULL && t != NULL)
        t->quantity--;
    card = sim_world_member(c->world, appid, card_id, code);
    if (!sim_push_received(c->world, card, NULL, restore))
        return no_memory(err);
    jsonw_key_str(w, "code", code);
    return ST_OK;
}

static enum status offer_gift(struct sim_control *c, const struct json *body, struct err *err)
{
    const struct str friend_openid = json_get_str(body, "friend");
    struct sim_member *card = take_card(c, body, "NORMAL", err);

    if (card == NULL)
        return ST_REJECT;
    if (!sim_push_gifting(c->world, card, friend_openid, false))
        return no_memory(err);
    return sim_member_set_status(card, STR("GIFTING"), err);
}

static enum status return_gift(struct sim_control *c, const struct json *body, struct err *err)
{
    struct sim_member *card = take_card(c, body, "GIFTING", err);

    if (card == NULL)
        return ST_REJECT;
    if (!sim_push_gifting(c->world, card, json_get_str(body, "friend"), true))
        return no_memory(err);
    return sim_member_set_status(card, STR("NORMAL"), err);
}

static enum status put_friends_card(struct sim_control *c, const struct sim_member *given,
                                    struct str friend_openid, struct str code, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(MEMBER_MAX);
    struct jsonw w = {.out = &text};

    jsonw_object(&w);
    jsonw_key_str(&w, "appid", str_from(given->appid));
    jsonw_key_str(&w, "card_id", str_from(given->card_id));
    jsonw_key_str(&w, "code", code);
    jsonw_key_str(&w, "openid", friend_openid);
    jsonw_object_end(&w);
    return put_card(c, &text, err);
}

/* The friend's card is a new one: empty, inactive. */
static enum status accept_gift(struct sim_control *c, const struct json *body, struct jsonw *w,
                               struct err *err)
{
    struct code made;
    struct str code = json_get_str(body, "new_code");
    struct sim_member *given = take_card(c, body, "GIFTING", err);
    const struct sim_member *card;
    enum status rc;

    if (given == NULL)
        return ST_REJECT;
    if (!str_is_set(code)) {
        made = new_code(c->world, str_from(given->appid));
        code = str_from(made.text);
    }
    if (sim_world_member(c->world, str_from(given->appid), str_from(given->card_id), code) != NULL)
        return refuse(err, "new_code is in use");
    rc = put_friends_card(c, given, json_get_str(body, "friend"), code, err);
    if (rc == ST_OK)
        rc = sim_member_set_status(given, STR("GIFT_SUCC"), err);
    if (rc != ST_OK)
        return rc;
    card = sim_world_member(c->world, str_from(given->appid), str_from(given->card_id), code);
    if (!sim_push_received(c->world, card, given, false))
        return no_memory(err);
    jsonw_key_str(w, "code", code);
    return ST_OK;
}

enum status sim_gift(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    static const char *const keys[] = {"appid",    "card_id", "code", "friend",
                                       "new_code", "step",    NULL};
    const struct str step = json_get_str(*body, "step");
    enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc != ST_OK)
        return rc;
    if (str_eq(step, STR("return")))
        return return_gift(c, *body, err);
    if (str_is_empty(json_get_str(*body, "friend")))
        return refuse(err, "friend is missing");
    if (str_eq(step, STR("offer")))
        return offer_gift(c, *body, err);
    if (str_eq(step, STR("accept")))
        return accept_gift(c, *body, w, err);
    if (json_has(*body, "step"))
        return refuse(err, "step is offer, accept or return");
    rc = offer_gift(c, *body, err);
    return rc == ST_OK ? accept_gift(c, *body, w, err) : rc;
}

static enum status encrypt_code(struct sim_control *c, const struct sim_member *card,
                                struct jsonw *w, struct err *err)
{
    char text[SIM_HANDLE_SIZE];

    if (!sim_handle_make(c->world->encrypted, card->appid, card->code, INT64_MAX, text))
        return no_memory(err);
    jsonw_key_str(w, "encrypt_code", str_from(text));
    return ST_OK;
}

/* One-tap with jump: the form waits behind a ticket, the card stays as it is. */
static enum status keep_form(struct sim_control *c, const struct json *body,
                             const struct sim_member *card, struct jsonw *w, struct err *err)
{
    AUTO(sim_form_done) struct sim_form form = {.lists = NULL};
    int64_t ttl_s = TICKET_TTL_S;
    char ticket[SIM_HANDLE_SIZE];
    enum status rc;

    if (json_has(body, "ttl_s") &&
        (!json_get_i64(body, "ttl_s", &ttl_s) || ttl_s < 0 || ttl_s > TICKET_TTL_MAX_S))
        return refuse(err, "ttl_s must be a number from 0 to 86400");
    rc = sim_form_read(&form, body, err);
    if (rc != ST_OK)
        return rc;
    if (!sim_handle_make(c->world->tickets, card->appid,
                         form.lists != NULL ? form.lists
                                            : "{\"common_field_list\":[],\"custom_field_list\":[]}",
                         sim_world_now_ms(c->world) + ttl_s * 1000, ticket))
        return no_memory(err);
    jsonw_key_str(w, "activate_ticket", str_from(ticket));
    return encrypt_code(c, card, w, err);
}

enum status sim_submit(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    static const char *const keys[] = {"appid",       "card_id", "code",  "form",
                                       "custom_form", "active",  "ttl_s", NULL};
    struct sim_member *card;
    bool active = false;
    enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc != ST_OK)
        return rc;
    card = take_card(c, *body, "NORMAL", err);
    if (card == NULL)
        return ST_REJECT;
    if (json_has(*body, "active") && !json_bool(json_get(*body, "active"), &active))
        return refuse(err, "active must be true or false");
    rc = active ? sim_form_read(&card->form, *body, err) : keep_form(c, *body, card, w, err);
    if (rc != ST_OK)
        return rc;
    card->has_active = card->has_active || active;
    return sim_push_submitted(c->world, card) ? ST_OK : no_memory(err);
}

enum status sim_encrypt(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    static const char *const keys[] = {"appid", "card_id", "code", NULL};
    const struct sim_member *card;
    const enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    if (rc != ST_OK)
        return rc;
    card = take_card(c, *body, NULL, err);
    return card != NULL ? encrypt_code(c, card, w, err) : ST_REJECT;
}

enum status sim_foreign(struct sim_control *c, struct json **body, struct jsonw *w, struct err *err)
{
    static const char *const keys[] = {"appid", "card_id", "code", "bonus", "balance", NULL};
    struct sim_member *card;
    int64_t bonus = 0;
    int64_t balance = 0;
    const enum status rc = sim_texts_only(NULL, 0, keys, *body, err);

    (void)w;
    if (rc != ST_OK)
        return rc;
    card = take_card(c, *body, NULL, err);
    if (card == NULL)
        return ST_REJECT;
    if ((json_has(*body, "bonus") && !json_get_i64(*body, "bonus", &bonus)) ||
        (json_has(*body, "balance") && !json_get_i64(*body, "balance", &balance)))
        return refuse(err, "bonus and balance must be numbers");
    card->bonus = num_add_i64(card->bonus, bonus);
    card->balance = num_add_i64(card->balance, balance);
    card->has_balance = card->has_balance || balance != 0;
    return sim_push_update(c->world, card, bonus, balance) ? ST_OK : no_memory(err);
}
