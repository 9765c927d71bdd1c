/* SPDX-License-Identifier: Apache-2.0 */
/* Templates as they stand: get, batchget, delete, modifystock (wechat-api 4.9, 4.11). */
#include "wxsim/calls.h"
#include "wxsim/colors.h"
#include "wxsim/errcode.h"
#include "wxsim/lookup.h"
#include "wxsim/merge.h"

enum { PAGE_MAX = 50, TEXT_MAX = 64 * 1024 };

static const int64_t ID_START = INT64_C(9007199254740993); /* what no double holds */

static const struct sim_field card_id_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
};

static const struct sim_field list_fields[] = {
    {"offset", SIM_UINT, SIM_NO_FIELD, 0},
    {"count", SIM_UINT, SIM_NO_FIELD, 0},
    {"status_list", SIM_ARRAY, SIM_OK, 0},
};

static const struct sim_field stock_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"increase_stock_value", SIM_INT, SIM_OK, 0},
    {"reduce_stock_value", SIM_INT, SIM_OK, 0},
};

int64_t sim_next_id(struct sim_world *world)
{
    return ID_START + world->ids++;
}

int sim_find_template(const struct sim_call *call, struct str card_id, struct sim_template **out)
{
    struct sim_template *t;

    if (str_is_empty(card_id))
        return SIM_NO_CARD_ID;
    t = sim_world_template(call->world, str_from(call->account->appid), card_id);
    if (t == NULL)
        return SIM_BAD_CARD_ID;
    *out = t;
    return SIM_OK;
}

int sim_find_living(const struct sim_call *call, struct str card_id, struct sim_template **out)
{
    struct sim_template *t;
    const int errcode = sim_find_template(call, card_id, &t);

    if (errcode != SIM_OK)
        return errcode;
    if (sim_template_has_status(t, "CARD_STATUS_DELETE"))
        return SIM_BAD_TEMPLATE_STATE;
    *out = t;
    return SIM_OK;
}

/* What card/get shows that card/create did not take. */
static void write_read_only(const struct sim_template *t, struct jsonw *w)
{
    const struct str name = json_str(sim_lookup(t->content, STR("base_info.color")));
    const struct sim_color *color = sim_color_find(name);

    jsonw_object(w);
    jsonw_key(w, STR("base_info"));
    jsonw_object(w);
    jsonw_key_str(w, "id", str_from(t->card_id));
    jsonw_key_str(w, "color", color != NULL ? str_from(color->value) : name);
    jsonw_key(w, STR("sku"));
    jsonw_object(w);
    jsonw_key_i64(w, "quantity", t->quantity);
    jsonw_key_i64(w, "total_quantity", t->total_quantity);
    jsonw_object_end(w);
    jsonw_key_bool(w, "use_custom_code", t->use_custom_code);
    jsonw_key_i64(w, "create_time", t->create_s);
    jsonw_key_i64(w, "update_time", t->update_s);
    jsonw_key_str(w, "status", str_from(t->status));
    jsonw_object_end(w);
    jsonw_object_end(w);
}

static int get(struct sim_call *call)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    AUTO(json_freep) struct json *shown = NULL;
    struct jsonw w = {.out = &text};
    struct sim_template *t;
    struct err err;
    const int errcode = sim_find_template(call, sim_call_str(call, "card_id"), &t);

    if (errcode != SIM_OK)
        return errcode;
    write_read_only(t, &w);
    if (json_parse(buf_str(&text), &shown, &err) != ST_OK)
        return SIM_BUSY;
    jsonw_key(&call->w, STR("card"));
    jsonw_object(&call->w);
    jsonw_key_str(&call->w, "card_type", str_from(t->card_type));
    jsonw_key(&call->w, str_from(sim_card_kind(str_from(t->card_type))->key));
    sim_merge_write(t->content, shown, &call->w);
    jsonw_object_end(&call->w);
    return SIM_OK;
}

static bool is_listed(const struct sim_call *call, const struct sim_template *t)
{
    const struct json *statuses = json_get(call->body, "status_list");

    if (!str_eq_cstr(str_from(t->appid), call->account->appid))
        return false;
    for (size_t i = 0; i < json_len(statuses); i++)
        if (str_eq_cstr(json_str(json_at(statuses, i)), t->status))
            return true;
    return json_len(statuses) == 0;
}

static int check_page(const struct json *body)
{
    const struct json *statuses = json_get(body, "status_list");
    int64_t count = 0;

    for (size_t i = 0; i < json_len(statuses); i++)
        if (!sim_is_one_of(json_str(json_at(statuses, i)), SIM_CARD_STATUSES))
            return SIM_BAD_TEMPLATE_STATE;
    (void)json_get_i64(body, "count", &count);
    return count >= 1 && count <= PAGE_MAX ? SIM_OK : SIM_BAD_ARGS;
}

static int list(struct sim_call *call)
{
    const int errcode = check_page(call->body);
    int64_t offset = 0;
    int64_t count = 0;
    int64_t found = 0;

    if (errcode != SIM_OK)
        return errcode;
    (void)json_get_i64(call->body, "offset", &offset);
    (void)json_get_i64(call->body, "count", &count);
    jsonw_key(&call->w, STR("card_id_list"));
    jsonw_array(&call->w);
    for (struct map_entry *e = map_first(call->world->templates); e != NULL; e = map_next(e)) {
        const struct sim_template *t = map_value(e);

        if (!is_listed(call, t))
            continue;
        if (found >= offset && found - offset < count)
            jsonw_str(&call->w, str_from(t->card_id));
        found++;
    }
    jsonw_array_end(&call->w);
    jsonw_key_i64(&call->w, "total_num", found);
    return SIM_OK;
}

static int delete (struct sim_call *call)
{
    struct sim_template *t;
    const int errcode = sim_find_living(call, sim_call_str(call, "card_id"), &t);

    if (errcode != SIM_OK)
        return errcode;
    if (!sim_template_set_status(t, "CARD_STATUS_DELETE"))
        return SIM_BUSY;
    call->account->totals[SIM_CARDS_DELETED]++;
    return SIM_OK;
}

static int modify_stock(struct sim_call *call)
{
    struct sim_template *t;
    int64_t more = 0;
    int64_t less = 0;
    const bool has_more = json_get_i64(call->body, "increase_stock_value", &more);
    const bool has_less = json_get_i64(call->body, "reduce_stock_value", &less);
    const int errcode = sim_find_living(call, sim_call_str(call, "card_id"), &t);

    if (errcode != SIM_OK)
        return errcode;
    if (!has_more && !has_less)
        return SIM_NO_FIELD;
    if (more < 0 || less < 0 || more > SIM_STOCK_MAX || t->quantity + more < less)
        return SIM_BAD_STOCK;
    if (t->total_quantity + more - less > SIM_STOCK_MAX)
        return SIM_TOTAL_STOCK;
    if (t->deposit && t->total_quantity + more - less > (int64_t)map_len(t->codes))
        return SIM_BAD_DEPOSIT_STOCK;
    t->quantity += more - less;
    t->total_quantity += more - less;
    call->account->totals[SIM_STOCK_CHANGES]++;
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/card/get", HTTP_POST, SIM_FIELDS(card_id_fields), .fn = get},
    {"/card/batchget", HTTP_POST, SIM_FIELDS(list_fields), .fn = list},
    {"/card/delete", HTTP_POST, SIM_FIELDS(card_id_fields), .fn = delete},
    {"/card/modifystock", HTTP_POST, SIM_FIELDS(stock_fields), .fn = modify_stock},
};
const struct sim_family SIM_TEMPLATE_CALLS = {rows, COUNT_OF(rows)};
