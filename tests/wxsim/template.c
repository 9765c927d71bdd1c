/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/template.h"

#include "base/mem.h"
#include "wxsim/merge.h"
#include "wxsim/shape.h"
#include "wxsim/texts.h"

#include <string.h>

enum { STOCK_PRESET = 10000000 };

const int64_t SIM_STOCK_MAX = 100000000;

const char *const SIM_CARD_STATUSES[] = {"CARD_STATUS_NOT_VERIFY", "CARD_STATUS_VERIFY_FAIL",
                                         "CARD_STATUS_VERIFY_OK",  "CARD_STATUS_DELETE",
                                         "CARD_STATUS_DISPATCH",   NULL};

static const struct sim_card_kind kinds[] = {
    {"MEMBER_CARD", "member_card", false},
    {"GENERAL_COUPON", "general_coupon", true},
    {"GROUPON", "groupon", true},
    {"CASH", "cash", true},
    {"DISCOUNT", "discount", true},
    {"GIFT", "gift", true},
    {"GENERAL_CARD", "general_card", false},
    {"MEETING_TICKET", "meeting_ticket", false},
    {"SCENIC_TICKET", "scenic_ticket", false},
    {"MOVIE_TICKET", "movie_ticket", false},
    {"BOARDING_PASS", "boarding_pass", false},
};

#define ROW(name, max, needed)                                             \
    {                                                                      \
#        name, offsetof(struct sim_template, name), (max), (needed), false \
    }

/* clang-format off */
static const struct sim_text rows[] = {
    ROW(appid, 32, true),
    ROW(card_id, 32, true),
    ROW(card_type, 16, false),
    ROW(status, 32, false),
};
/* clang-format on */

static const char *const others[] = {"use_custom_code", "deposit",  "needs_mark", "bonus_limit",
                                     "balance_limit",   "quantity", "content",    NULL};

/* Of a card that the accounts file names without a content. */
static const char plain_content[] =
    "{\"base_info\":{\"logo_url\":\"http://mmbiz.qpic.cn/mmbiz/plain/0\","
    "\"code_type\":\"CODE_TYPE_BARCODE\",\"brand_name\":\"商户\",\"title\":\"会员卡\","
    "\"color\":\"Color010\",\"notice\":\"使用时出示\",\"description\":\"说明\","
    "\"date_info\":{\"type\":\"DATE_TYPE_PERMANENT\"},\"get_limit\":1},"
    "\"prerogative\":\"特权\",\"supply_bonus\":true,\"supply_balance\":false,"
    "\"wx_activate\":true}";

const struct sim_card_kind *sim_card_kind(struct str type)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_eq_cstr(type, kinds[i].type))
            return &kinds[i];
    return NULL;
}

const struct sim_card_kind *sim_card_kind_in(const struct json *object)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (json_is(json_get(object, kinds[i].key), JSON_OBJECT))
            return &kinds[i];
    return NULL;
}

void sim_template_free(void *template)
{
    struct sim_template *t = template;

    if (t == NULL)
        return;
    sim_texts_done(rows, COUNT_OF(rows), t);
    json_free(t->content);
    mem_free(t->form);
    map_free(t->codes, NULL);
    mem_free(t);
}

static bool fill_in(struct sim_template *t)
{
    struct err err;

    if (t->card_type == NULL)
        t->card_type = mem_strdup("MEMBER_CARD");
    if (t->status == NULL)
        t->status = mem_strdup("CARD_STATUS_VERIFY_OK");
    if (t->content == NULL && json_parse(STR(plain_content), &t->content, &err) != ST_OK)
        return false;
    return t->card_type != NULL && t->status != NULL;
}

/* Without texts and content. */
static struct sim_template *empty(int64_t now_s)
{
    struct sim_template *t = mem_zalloc(sizeof(*t));

    if (t == NULL)
        return NULL;
    t->bonus_limit = INT64_MAX;
    t->balance_limit = INT64_MAX;
    t->quantity = STOCK_PRESET;
    t->total_quantity = STOCK_PRESET;
    t->create_s = now_s;
    t->update_s = now_s;
    t->codes = map_new();
    if (t->codes != NULL)
        return t;
    sim_template_free(t);
    return NULL;
}

static char *copy_text(struct str text)
{
    char *copy = mem_alloc(text.len + 1);

    if (copy != NULL)
        (void)str_copy(text, copy, text.len + 1);
    return copy;
}

struct sim_template *sim_template_new(struct str appid, struct str card_id, int64_t now_s)
{
    struct sim_template *t = empty(now_s);

    if (t == NULL)
        return NULL;
    t->appid = copy_text(appid);
    t->card_id = copy_text(card_id);
    if (t->appid != NULL && t->card_id != NULL && fill_in(t))
        return t;
    sim_template_free(t);
    return NULL;
}

/* A number that is absent or null stays as it is. */
static bool read_number(const struct json *from, const char *key, int64_t *out)
{
    return json_get(from, key) == NULL || (json_get_i64(from, key, out) && *out >= 0);
}

static enum status read_flags(struct sim_template *t, const struct json *from, struct err *err)
{
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {
        {"use_custom_code", &t->use_custom_code},
        {"deposit", &t->deposit},
        {"needs_mark", &t->needs_mark},
    };

    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (json_has(from, flags[i].key) && !json_bool(json_get(from, flags[i].key), flags[i].flag))
            return err_reject(err, REASON_SCHEMA, "schema", "%s must be true or false",
                              flags[i].key);
    return ST_OK;
}

static enum status read_rest(struct sim_template *t, const struct json *from, struct err *err)
{
    const struct json *content = json_get(from, "content");
    enum status rc = read_flags(t, from, err);

    if (rc != ST_OK)
        return rc;
    if (!read_number(from, "bonus_limit", &t->bonus_limit) ||
        !read_number(from, "balance_limit", &t->balance_limit) ||
        !read_number(from, "quantity", &t->quantity))
        return err_reject(err, REASON_SCHEMA, "schema", "a limit must be a number from 0");
    t->total_quantity = t->quantity;
    if (content != NULL && !json_is(content, JSON_OBJECT))
        return err_reject(err, REASON_SCHEMA, "schema", "content must be an object");
    if (content != NULL)
        rc = sim_merge(NULL, content, &t->content, err);
    if (rc == ST_OK && !fill_in(t))
        rc = err_retry(err, "memory", "no memory for a template");
    return rc;
}

enum status sim_template_read(const struct json *from, int64_t now_s, struct sim_template **out,
                              struct err *err)
{
    struct sim_template *t;
    enum status rc = sim_texts_only(rows, COUNT_OF(rows), others, from, err);

    if (rc != ST_OK)
        return rc;
    t = empty(now_s);
    if (t == NULL)
        return err_retry(err, "memory", "no memory for a template");
    rc = sim_texts_read(rows, COUNT_OF(rows), from, t, err);
    if (rc == ST_OK)
        rc = read_rest(t, from, err);
    if (rc == ST_OK && !sim_is_one_of(str_from(t->status), SIM_CARD_STATUSES))
        rc = err_reject(err, REASON_SCHEMA, "schema", "status %s is not known", t->status);
    if (rc == ST_OK && sim_card_kind(str_from(t->card_type)) == NULL)
        rc = err_reject(err, REASON_SCHEMA, "schema", "card_type %s is not known", t->card_type);
    if (rc != ST_OK) {
        sim_template_free(t);
        return rc;
    }
    *out = t;
    return ST_OK;
}

void sim_template_write(const struct sim_template *t, struct jsonw *w)
{
    jsonw_object(w);
    sim_texts_write(rows, COUNT_OF(rows), t, w);
    jsonw_key_bool(w, "use_custom_code", t->use_custom_code);
    jsonw_key_bool(w, "deposit", t->deposit);
    if (t->bonus_limit < INT64_MAX)
        jsonw_key_i64(w, "bonus_limit", t->bonus_limit);
    if (t->balance_limit < INT64_MAX)
        jsonw_key_i64(w, "balance_limit", t->balance_limit);
    jsonw_key_i64(w, "quantity", t->quantity);
    jsonw_key_i64(w, "total_quantity", t->total_quantity);
    jsonw_key_i64(w, "codes", (int64_t)map_len(t->codes));
    jsonw_key_bool(w, "pay_cell", t->pay_cell);
    jsonw_key_bool(w, "self_consume", t->self_consume);
    if (t->form != NULL) {
        jsonw_key(w, STR("form"));
        jsonw_raw(w, str_from(t->form));
    }
    jsonw_key(w, STR("content"));
    sim_value_write(t->content, w);
    jsonw_object_end(w);
}

bool sim_template_has_status(const struct sim_template *t, const char *status)
{
    return strcmp(t->status, status) == 0;
}

bool sim_template_set_status(struct sim_template *t, const char *status)
{
    char *copy = mem_strdup(status);

    if (copy == NULL)
        return false;
    mem_free(t->status);
    t->status = copy;
    return true;
}

bool sim_template_is(const struct sim_template *t, const char *card_type)
{
    return strcmp(t->card_type, card_type) == 0;
}

bool sim_template_is_approved(const struct sim_template *t)
{
    return sim_template_has_status(t, "CARD_STATUS_VERIFY_OK") ||
           sim_template_has_status(t, "CARD_STATUS_DISPATCH");
}

bool sim_template_has_foreign_codes(const struct sim_template *t)
{
    return t->use_custom_code && !t->deposit;
}
