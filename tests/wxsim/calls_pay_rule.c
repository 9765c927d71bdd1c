/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of "pay and become a member" (wechat-api 4.14). */
#include "base/mem.h"
#include "wxsim/calls.h"
#include "wxsim/errcode.h"
#include "wxsim/lookup.h"
#include "wxsim/merge.h"
#include "wxsim/pay_rule.h"

enum { PAGE_MAX = 50 };

static const struct sim_field add_fields[] = {
    {"rule_info", SIM_OBJECT, SIM_NO_FIELD, 0},
    {"rule_info.type", SIM_STRING, SIM_NO_FIELD, 0},
    {"rule_info.base_info", SIM_OBJECT, SIM_NO_FIELD, 0},
    {"rule_info.base_info.mchid_list", SIM_ARRAY, SIM_NO_FIELD, 0},
    {"rule_info.base_info.begin_time", SIM_TIME, SIM_NO_FIELD, 0},
    {"rule_info.base_info.end_time", SIM_TIME, SIM_NO_FIELD, 0},
    {"rule_info.member_rule", SIM_OBJECT, SIM_NO_FIELD, 0},
    {"rule_info.member_rule.card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"rule_info.member_rule.least_cost", SIM_UINT, SIM_OK, 0},
    {"rule_info.member_rule.max_cost", SIM_UINT, SIM_OK, 0},
    {"rule_info.member_rule.jump_url", SIM_STRING, SIM_OK, 0},
};

static const struct sim_field id_fields[] = {
    {"rule_id", SIM_INT, SIM_NO_FIELD, 0},
};

static const struct sim_field list_fields[] = {
    {"type", SIM_STRING, SIM_NO_FIELD, 0},
    {"effective", SIM_BOOL, SIM_NO_FIELD, 0},
    {"offset", SIM_UINT, SIM_NO_FIELD, 0},
    {"count", SIM_UINT, SIM_NO_FIELD, 0},
};

static const char *const types[] = {"RULE_TYPE_PAY_MEMBER_CARD", NULL};

static const char mchids[] = "base_info.mchid_list";

void sim_pay_rule_free(void *rule)
{
    struct sim_pay_rule *r = rule;

    if (r != NULL)
        json_free(r->info);
    mem_free(r);
}

static int64_t number_in(const struct json *info, const char *name, int64_t preset)
{
    int64_t value = preset;

    (void)json_i64(sim_lookup(info, str_from(name)), &value);
    return value;
}

static int check_rule(const struct sim_call *call, const struct json *info)
{
    const struct json *list = sim_lookup(info, STR(mchids));
    struct sim_template *t;
    int errcode;

    if (!sim_is_one_of(json_get_str(info, "type"), types))
        return SIM_BAD_ARGS;
    for (size_t i = 0; i < json_len(list); i++)
        if (str_is_empty(json_str(json_at(list, i))))
            return SIM_BAD_ARGS;
    if (json_len(list) == 0)
        return SIM_NO_FIELD;
    if (number_in(info, "base_info.begin_time", 0) >= number_in(info, "base_info.end_time", 0))
        return SIM_BAD_TIME;
    if (number_in(info, "member_rule.least_cost", 0) >
        number_in(info, "member_rule.max_cost", INT64_MAX))
        return SIM_BAD_ARGS;
    errcode = sim_find_living(call, json_str(sim_lookup(info, STR("member_rule.card_id"))), &t);
    if (errcode == SIM_OK && !sim_template_is(t, "MEMBER_CARD"))
        errcode = SIM_NEEDS_MEMBER_CARD;
    return errcode;
}

static bool has_mchid(const struct sim_pay_rule *rule, struct str mchid)
{
    const struct json *list = sim_lookup(rule->info, STR(mchids));

    for (size_t i = 0; i < json_len(list); i++)
        if (str_eq(json_str(json_at(list, i)), mchid))
            return true;
    return false;
}

/* The rule that has taken the merchant number already; NULL when it is free. */
static const struct sim_pay_rule *occupant(const struct sim_call *call, struct str mchid)
{
    for (struct map_entry *e = map_first(call->account->pay_rules); e != NULL; e = map_next(e))
        if (has_mchid(map_value(e), mchid))
            return map_value(e);
    return NULL;
}

static void write_free(struct sim_call *call, const struct json *list)
{
    jsonw_key(&call->w, STR("succ_mchid_list"));
    jsonw_array(&call->w);
    for (size_t i = 0; i < json_len(list); i++)
        if (occupant(call, json_str(json_at(list, i))) == NULL)
            jsonw_str(&call->w, json_str(json_at(list, i)));
    jsonw_array_end(&call->w);
}

static void write_taken(struct sim_call *call, const struct json *list)
{
    jsonw_key(&call->w, STR("fail_mchid_list"));
    jsonw_array(&call->w);
    for (size_t i = 0; i < json_len(list); i++) {
        const struct sim_pay_rule *by = occupant(call, json_str(json_at(list, i)));

        if (by == NULL)
            continue;
        jsonw_object(&call->w);
        jsonw_key_str(&call->w, "mchid", json_str(json_at(list, i)));
        jsonw_key_i64(&call->w, "errcode", SIM_RULE_CONFLICT);
        jsonw_key_str(&call->w, "errmsg", str_from(sim_errcode_message(SIM_RULE_CONFLICT)));
        jsonw_key_i64(&call->w, "occupy_rule_id", by->id);
        jsonw_key_str(&call->w, "occupy_appid", str_from(call->account->appid));
        jsonw_object_end(&call->w);
    }
    jsonw_array_end(&call->w);
}

static bool keep_rule(struct sim_call *call, const struct json *info, int64_t id)
{
    const struct str key = arena_printf(call->request.arena, "%lld", (long long)id);
    struct sim_pay_rule *rule = mem_zalloc(sizeof(*rule));
    struct err err;

    if (rule == NULL)
        return false;
    rule->id = id;
    if (sim_merge(NULL, info, &rule->info, &err) == ST_OK &&
        map_put(call->account->pay_rules, key, rule, NULL))
        return true;
    sim_pay_rule_free(rule);
    return false;
}

static int add(struct sim_call *call)
{
    const struct json *info = json_get(call->body, "rule_info");
    const struct json *list = sim_lookup(info, STR(mchids));
    const int errcode = check_rule(call, info);
    bool any = false;
    int64_t id;

    if (errcode != SIM_OK)
        return errcode;
    for (size_t i = 0; i < json_len(list); i++)
        any = any || occupant(call, json_str(json_at(list, i))) == NULL;
    if (!any)
        return SIM_RULE_CONFLICT;
    id = sim_next_id(call->world);
    jsonw_key_i64(&call->w, "rule_id", id);
    write_free(call, list);
    write_taken(call, list);
    call->account->totals[SIM_RULES_ADDED]++;
    return keep_rule(call, info, id) ? SIM_OK : SIM_BUSY;
}

static struct str rule_key(const struct sim_call *call)
{
    int64_t id = 0;

    (void)json_get_i64(call->body, "rule_id", &id);
    return arena_printf(call->request.arena, "%lld", (long long)id);
}

static void write_rule(struct sim_call *call, const struct sim_pay_rule *rule)
{
    jsonw_object(&call->w);
    jsonw_key_i64(&call->w, "rule_id", rule->id);
    for (struct json_iter i = json_iter(rule->info); json_next(&i);) {
        jsonw_key(&call->w, i.key);
        sim_value_write(i.value, &call->w);
    }
    jsonw_object_end(&call->w);
}

static int get(struct sim_call *call)
{
    const struct sim_pay_rule *rule = map_get(call->account->pay_rules, rule_key(call));

    if (rule == NULL)
        return SIM_BAD_RULE;
    jsonw_key(&call->w, STR("rule_info"));
    write_rule(call, rule);
    return SIM_OK;
}

static int delete (struct sim_call *call)
{
    struct sim_pay_rule *rule = map_take(call->account->pay_rules, rule_key(call));

    if (rule == NULL)
        return SIM_BAD_RULE;
    sim_pay_rule_free(rule);
    return SIM_OK;
}

static int list_rules(struct sim_call *call)
{
    const int64_t now_s = call->now_ms / 1000;
    const bool effective = sim_flag(call->body, "effective", false);
    const int64_t offset = number_in(call->body, "offset", 0);
    const int64_t count = number_in(call->body, "count", 0);
    int64_t found = 0;

    if (!sim_is_one_of(sim_call_str(call, "type"), types) || count < 1 || count > PAGE_MAX)
        return SIM_BAD_ARGS;
    jsonw_key(&call->w, STR("rule_list"));
    jsonw_array(&call->w);
    for (struct map_entry *e = map_first(call->account->pay_rules); e != NULL; e = map_next(e)) {
        const struct sim_pay_rule *rule = map_value(e);

        if (effective && number_in(rule->info, "base_info.end_time", 0) < now_s)
            continue;
        if (found >= offset && found - offset < count)
            write_rule(call, rule);
        found++;
    }
    jsonw_array_end(&call->w);
    jsonw_key_i64(&call->w, "total_count", found);
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/card/paygiftcard/add", HTTP_POST, .open = true, SIM_FIELDS(add_fields), .fn = add},
    {"/card/paygiftcard/delete", HTTP_POST, SIM_FIELDS(id_fields), .fn = delete},
    {"/card/paygiftcard/getbyid", HTTP_POST, SIM_FIELDS(id_fields), .fn = get},
    {"/card/paygiftcard/batchget", HTTP_POST, SIM_FIELDS(list_fields), .fn = list_rules},
};
const struct sim_family SIM_PAY_RULE_CALLS = {rows, COUNT_OF(rows)};
