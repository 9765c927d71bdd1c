/* SPDX-License-Identifier: Apache-2.0 */
/* Codes that the merchant imports (wechat-api 4.12, 4.13). */
#include "wxsim/calls.h"
#include "wxsim/errcode.h"

enum { CODES_MAX = 100, CODE_MAX = 20 };

static const struct sim_field list_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"code", SIM_ARRAY, SIM_NO_CODES, 0},
};

static const struct sim_field count_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
};

static bool is_repeated(const struct json *codes, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (str_eq(json_str(json_at(codes, i)), json_str(json_at(codes, at))))
            return true;
    return false;
}

static int check_codes(const struct json *codes)
{
    if (json_len(codes) == 0)
        return SIM_NO_CODES;
    if (json_len(codes) > CODES_MAX)
        return SIM_TOO_MANY_CODES;
    for (size_t i = 0; i < json_len(codes); i++) {
        if (!json_is(json_at(codes, i), JSON_STRING))
            return SIM_BAD_ARGS;
        if (is_repeated(codes, i))
            return SIM_REPEATED_CODES;
    }
    return SIM_OK;
}

static int find_deposit(const struct sim_call *call, struct sim_template **out)
{
    const int errcode = sim_find_living(call, sim_call_str(call, "card_id"), out);

    if (errcode != SIM_OK)
        return errcode;
    return (*out)->deposit ? SIM_OK : SIM_BAD_CARD_PARAMS;
}

enum fate { KEPT, THERE, REFUSED };

static enum fate keep(struct sim_template *t, struct str code)
{
    static char imported[] = "";

    if (code.len < 1 || code.len > CODE_MAX)
        return REFUSED;
    if (map_get(t->codes, code) != NULL)
        return THERE;
    return map_put(t->codes, code, imported, NULL) ? KEPT : REFUSED;
}

static void write_fate(struct sim_call *call, const char *name, const enum fate *fates,
                       enum fate wanted)
{
    const struct json *codes = json_get(call->body, "code");

    jsonw_key(&call->w, str_from(name));
    jsonw_array(&call->w);
    for (size_t i = 0; i < json_len(codes); i++)
        if (fates[i] == wanted)
            jsonw_str(&call->w, json_str(json_at(codes, i)));
    jsonw_array_end(&call->w);
}

static int deposit(struct sim_call *call)
{
    const struct json *codes = json_get(call->body, "code");
    enum fate fates[CODES_MAX];
    struct sim_template *t;
    int errcode = find_deposit(call, &t);

    if (errcode == SIM_OK && !sim_template_is_approved(t))
        errcode = SIM_BAD_TEMPLATE_STATE;
    if (errcode == SIM_OK)
        errcode = check_codes(codes);
    if (errcode != SIM_OK)
        return errcode;
    for (size_t i = 0; i < json_len(codes); i++) {
        fates[i] = keep(t, json_str(json_at(codes, i)));
        call->account->totals[SIM_CODES_IMPORTED] += fates[i] == KEPT;
    }
    write_fate(call, "succ_code", fates, KEPT);
    write_fate(call, "duplicate_code", fates, THERE);
    write_fate(call, "fail_code", fates, REFUSED);
    return SIM_OK;
}

static int count(struct sim_call *call)
{
    struct sim_template *t;
    const int errcode = find_deposit(call, &t);

    if (errcode != SIM_OK)
        return errcode;
    jsonw_key_i64(&call->w, "count", (int64_t)map_len(t->codes));
    return SIM_OK;
}

static int check(struct sim_call *call)
{
    const struct json *codes = json_get(call->body, "code");
    enum fate fates[CODES_MAX];
    struct sim_template *t;
    int errcode = find_deposit(call, &t);

    if (errcode == SIM_OK)
        errcode = check_codes(codes);
    if (errcode != SIM_OK)
        return errcode;
    for (size_t i = 0; i < json_len(codes); i++)
        fates[i] = map_get(t->codes, json_str(json_at(codes, i))) != NULL ? THERE : REFUSED;
    write_fate(call, "exist_code", fates, THERE);
    write_fate(call, "not_exist_code", fates, REFUSED);
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/card/code/deposit", HTTP_POST, SIM_FIELDS(list_fields), .fn = deposit},
    {"/card/code/getdepositcount", HTTP_POST, SIM_FIELDS(count_fields), .fn = count},
    {"/card/code/checkcode", HTTP_POST, SIM_FIELDS(list_fields), .fn = check},
};
const struct sim_family SIM_DEPOSIT_CALLS = {rows, COUNT_OF(rows)};
