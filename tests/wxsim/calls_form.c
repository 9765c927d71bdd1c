/* SPDX-License-Identifier: Apache-2.0 */
/* The form of one-tap activation, and the address of its component (wechat-api 4.4, 4.5). */
#include "base/mem.h"
#include "codec/base64.h"
#include "http/url.h"
#include "wxsim/calls.h"
#include "wxsim/errcode.h"
#include "wxsim/handles.h"
#include "wxsim/lookup.h"

enum { FORM_MAX = 64 * 1024, OWN_FIELDS_MAX = 5, URL_MAX = 4096, BIZ_DIGITS = 10 };

static const struct sim_field form_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"service_statement", SIM_OBJECT, SIM_OK, 0},
    {"service_statement.name", SIM_STRING, SIM_OK, 21},
    {"service_statement.url", SIM_STRING, SIM_OK, 128},
    {"bind_old_card", SIM_OBJECT, SIM_OK, 0},
    {"bind_old_card.name", SIM_STRING, SIM_OK, 21},
    {"bind_old_card.url", SIM_STRING, SIM_OK, 128},
    {"required_form", SIM_OBJECT, SIM_OK, 0},
    {"required_form.can_modify", SIM_BOOL, SIM_OK, 0},
    {"required_form.rich_field_list", SIM_ARRAY, SIM_OK, 0},
    {"required_form.common_field_id_list", SIM_ARRAY, SIM_OK, 0},
    {"required_form.custom_field_list", SIM_ARRAY, SIM_OK, 0},
    {"optional_form", SIM_OBJECT, SIM_OK, 0},
    {"optional_form.can_modify", SIM_BOOL, SIM_OK, 0},
    {"optional_form.rich_field_list", SIM_ARRAY, SIM_OK, 0},
    {"optional_form.common_field_id_list", SIM_ARRAY, SIM_OK, 0},
    {"optional_form.custom_field_list", SIM_ARRAY, SIM_OK, 0},
};

static const struct sim_field rich_fields[] = {
    {"type", SIM_STRING, SIM_NO_FIELD, 0},
    {"name", SIM_STRING, SIM_NO_FIELD, 0},
    {"values", SIM_ARRAY, SIM_NO_FIELD, 0},
};

static const struct sim_field url_fields[] = {
    {"card_id", SIM_STRING, SIM_NO_CARD_ID, 32},
    {"outer_str", SIM_STRING, SIM_OK, 128},
};

static const char *const rich_types[] = {"FORM_FIELD_RADIO", "FORM_FIELD_SELECT",
                                         "FORM_FIELD_CHECK_BOX", NULL};
static const struct sim_choice rich_choices[] = {{"type", rich_types, SIM_BAD_ARGS}};

static const char *const common_fields[] = {"USER_FORM_INFO_FLAG_MOBILE",
                                            "USER_FORM_INFO_FLAG_SEX",
                                            "USER_FORM_INFO_FLAG_NAME",
                                            "USER_FORM_INFO_FLAG_BIRTHDAY",
                                            "USER_FORM_INFO_FLAG_IDCARD",
                                            "USER_FORM_INFO_FLAG_EMAIL",
                                            "USER_FORM_INFO_FLAG_LOCATION",
                                            "USER_FORM_INFO_FLAG_EDUCATION_BACKGROUND",
                                            "USER_FORM_INFO_FLAG_INDUSTRY",
                                            "USER_FORM_INFO_FLAG_INCOME",
                                            "USER_FORM_INFO_FLAG_HABIT",
                                            "USER_FORM_INFO_FLAG_DETAIL_LOCATION",
                                            "USER_FORM_INFO_FLAG_CAREER",
                                            "USER_FORM_INFO_FLAG_POST_CODE",
                                            NULL};

static int check_list(const struct json *list, const char *const *allowed)
{
    for (size_t i = 0; i < json_len(list); i++) {
        const struct str text = json_str(json_at(list, i));

        if (str_is_empty(text) || (allowed != NULL && !sim_is_one_of(text, allowed)))
            return SIM_BAD_ARGS;
    }
    return SIM_OK;
}

static int check_form(const struct json *form)
{
    const struct json *rich = json_get(form, "rich_field_list");
    const struct json *custom = json_get(form, "custom_field_list");
    int errcode = sim_items_check(rich, rich_fields, COUNT_OF(rich_fields));

    for (size_t i = 0; errcode == SIM_OK && i < json_len(rich); i++)
        errcode = sim_choices_check(json_at(rich, i), rich_choices, COUNT_OF(rich_choices));
    if (errcode == SIM_OK)
        errcode = check_list(json_get(form, "common_field_id_list"), common_fields);
    if (errcode == SIM_OK)
        errcode = check_list(custom, NULL);
    if (errcode == SIM_OK && json_len(rich) + json_len(custom) > OWN_FIELDS_MAX)
        errcode = SIM_TOO_MANY_FIELDS;
    return errcode;
}

static int find_member_card(const struct sim_call *call, struct sim_template **out)
{
    const int errcode = sim_find_living(call, sim_call_str(call, "card_id"), out);

    if (errcode != SIM_OK)
        return errcode;
    return sim_template_is(*out, "MEMBER_CARD") ? SIM_OK : SIM_NEEDS_MEMBER_CARD;
}

static int set_form(struct sim_call *call)
{
    AUTO(buf_done) struct buf text = BUF_INIT(FORM_MAX);
    struct sim_template *t = NULL;
    char *copy;
    int errcode = find_member_card(call, &t);

    if (errcode == SIM_OK)
        errcode = check_form(json_get(call->body, "required_form"));
    if (errcode == SIM_OK)
        errcode = check_form(json_get(call->body, "optional_form"));
    if (errcode != SIM_OK)
        return errcode;
    json_format(call->body, &text);
    copy = buf_ok(&text) ? mem_strdup(text.ptr) : NULL;
    if (copy == NULL)
        return SIM_BUSY;
    mem_free(t->form);
    t->form = copy;
    call->account->totals[SIM_FORMS_SET]++;
    return SIM_OK;
}

/* Ten digits of the account: as Base64 they end in "==". */
static void add_biz(const struct sim_account *account, struct buf *out)
{
    AUTO(buf_done) struct buf digits = BUF_INIT(64);
    AUTO(buf_done) struct buf biz = BUF_INIT(64);

    buf_addf(&digits, "3%09llu",
             (unsigned long long)(str_hash(str_from(account->appid)) % 1000000000));
    base64_format(digits.ptr, BIZ_DIGITS, &biz);
    url_encode(buf_str(&biz), out);
}

static int activate_url(struct sim_call *call)
{
    AUTO(buf_done) struct buf url = BUF_INIT(URL_MAX);
    char encrypted[SIM_HANDLE_SIZE];
    struct sim_template *t = NULL;
    const int errcode = find_member_card(call, &t);

    if (errcode != SIM_OK)
        return errcode;
    if (t->use_custom_code)
        return SIM_CUSTOM_CODE;
    if (!sim_flag(t->content, "wx_activate", false))
        return SIM_BAD_CARD_PARAMS;
    if (!sim_handle_make(call->world->encrypted, t->appid, t->card_id, INT64_MAX, encrypted))
        return SIM_BUSY;
    buf_add_cstr(&url, "https://mp.weixin.qq.com/bizmall/activatemembercard?action=preshow&"
                       "&encrypt_card_id=");
    url_encode(str_from(encrypted), &url);
    buf_add_cstr(&url, "&outer_str=");
    url_encode(sim_call_str(call, "outer_str"), &url);
    buf_add_cstr(&url, "&biz=");
    add_biz(call->account, &url);
    buf_add_cstr(&url, "#wechat_redirect");
    jsonw_key_str(&call->w, "url", buf_str(&url));
    return buf_ok(&url) ? SIM_OK : SIM_BUSY;
}

static const struct sim_call_def rows[] = {
    {"/card/membercard/activateuserform/set", HTTP_POST, SIM_FIELDS(form_fields), .fn = set_form},
    {"/card/membercard/activate/geturl", HTTP_POST, SIM_FIELDS(url_fields), .fn = activate_url},
};
const struct sim_family SIM_FORM_CALLS = {rows, COUNT_OF(rows)};
