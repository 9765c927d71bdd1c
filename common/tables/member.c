/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/member.h"

/* E.164 has at most 15 digits; a mainland mobile number has 11, the first a 1. */
enum { MOBILE_DIGITS_MIN = 8, MOBILE_DIGITS_MAX = 15, MAINLAND_DIGITS = 11, DIGITS_SIZE = 17 };

enum { VALUE_TEXT_MAX = 65535 };

static const struct column MEMBER_COLUMNS[] = {
    {"appid", COLUMN_KEY, NULL},
    {"card_id", COLUMN_KEY, NULL},
    {"card_code", COLUMN_KEY, NULL},
    {"openid", 0, NULL},
    {"unionid", 0, "unionid_at"},
    {"unionid_at", 0, NULL},
    {"membership_number", 0, NULL},
    {"nickname", 0, NULL},
    {"sex", 0, NULL},
    {"mobile", 0, NULL},
    {"bonus", 0, NULL},
    {"balance", 0, NULL},
    {"status", 0, "status_at"},
    {"status_at", 0, NULL},
    {"has_active", 0, NULL},
    {"previous_card_code", 0, "previous_card_code_at"},
    {"previous_card_code_at", 0, NULL},
    {"outer_str", 0, "outer_str_at"},
    {"outer_str_at", 0, NULL},
    {"version", COLUMN_VERSION, NULL},
    {"updated_at", 0, NULL},
};

const struct table TABLE_MEMBER = {
    .name = "member",
    .columns = MEMBER_COLUMNS,
    .column_count = COUNT_OF(MEMBER_COLUMNS),
};

static const struct column FIELD_COLUMNS[] = {
    {"appid", COLUMN_KEY, NULL},
    {"card_id", COLUMN_KEY, NULL},
    {"card_code", COLUMN_KEY, NULL},
    {"name", COLUMN_KEY, NULL},
    {"value", 0, NULL},
    {"version", COLUMN_VERSION, NULL},
};

const struct table TABLE_MEMBER_FIELD = {
    .name = "member_field",
    .columns = FIELD_COLUMNS,
    .column_count = COUNT_OF(FIELD_COLUMNS),
};

/* False: no telephone number. The absent "+" is the caller's to judge. */
static bool keep_digits(struct str value, char digits[DIGITS_SIZE], size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (c == ' ' || c == '-' || c == '(' || c == ')' || (c == '+' && *count == 0))
            continue;
        if (c < '0' || c > '9' || *count == DIGITS_SIZE)
            return false;
        digits[(*count)++] = c;
    }
    return true;
}

static bool is_mainland(struct str number)
{
    return number.len == MAINLAND_DIGITS && number.ptr[0] == '1';
}

/* Without what stands for "+"; false: neither international nor a mainland mobile number. */
static bool take_prefix(struct str *number, bool plus)
{
    if (plus)
        return true;
    if (str_starts(*number, STR("00"))) {
        *number = str_skip(*number, 2);
        return true;
    }
    return str_starts(*number, STR("86")) && is_mainland(str_skip(*number, 2));
}

struct str member_mobile(struct arena *arena, struct str form_value)
{
    static const struct str none = {NULL, 0};
    struct str value = str_trim(form_value);
    char digits[DIGITS_SIZE] = "";
    struct str number = {digits, 0};
    size_t at;
    bool plus = str_find(value, STR("+"), &at);

    if (!keep_digits(value, digits, &number.len))
        return none;
    if (!plus && is_mainland(number))
        return arena_printf(arena, "+86%.*s", STR_ARG(number));
    if (!take_prefix(&number, plus))
        return none;
    if (number.len < MOBILE_DIGITS_MIN || number.len > MOBILE_DIGITS_MAX || number.ptr[0] == '0')
        return none;
    return arena_printf(arena, "+%.*s", STR_ARG(number));
}

/* The version of an attribute that may be absent: only together with it. */
static struct db_value version_of(struct str attribute, int64_t version)
{
    return str_is_set(attribute) ? db_int(version) : db_null();
}

static struct db_value opt_int(struct opt_i64 value)
{
    return value.set ? db_int(value.value) : db_null();
}

/* A profile that was fetched versions the row; a bare status (the card is gone) only itself. */
static int64_t row_version(const struct member *m)
{
    bool fetched = str_is_set(m->raw.text) || m->raw.tree;

    return fetched ? m->version.value : 0;
}

const struct db_value *member_row(struct arena *arena, const struct member *m)
{
    struct db_value *row = arena_alloc(arena, sizeof(*row) * COUNT_OF(MEMBER_COLUMNS));
    int64_t version = m->version.value;
    size_t i = 0;

    if (!row)
        return NULL;
    row[i++] = db_text(m->appid);
    row[i++] = db_text(m->card_id);
    row[i++] = db_text(m->card_code);
    row[i++] = db_text(m->openid);
    row[i++] = db_text(m->unionid);
    row[i++] = version_of(m->unionid, version);
    row[i++] = db_text(m->membership_number);
    row[i++] = db_text(m->nickname);
    row[i++] = db_text(m->sex);
    row[i++] =
        db_text(member_mobile(arena, json_get_str(m->form.tree, "USER_FORM_INFO_FLAG_MOBILE")));
    row[i++] = opt_int(m->bonus);
    row[i++] = opt_int(m->balance);
    row[i++] = db_text(m->status);
    row[i++] = version_of(m->status, version);
    row[i++] = m->has_active.set ? db_int(m->has_active.value) : db_null();
    row[i++] = db_text(m->previous_card_code);
    row[i++] = version_of(m->previous_card_code, version);
    row[i++] = db_text(m->outer_str);
    row[i++] = version_of(m->outer_str, version);
    row[i++] = db_int(row_version(m));
    row[i++] = db_time(row_version(m)); /* NULL for 0 */
    return row;
}

const struct db_value *member_field_row(struct arena *arena, const struct member *m,
                                        struct str name, const struct json *value)
{
    AUTO(buf_done) struct buf text = BUF_INIT(VALUE_TEXT_MAX);
    struct db_value *row = arena_alloc(arena, sizeof(*row) * COUNT_OF(FIELD_COLUMNS));
    struct str stored = json_str(value);
    size_t i = 0;

    if (!row)
        return NULL;
    if (!str_is_set(stored)) {
        json_format(value, &text);
        stored = arena_dup(arena, buf_str(&text));
    }
    row[i++] = db_text(m->appid);
    row[i++] = db_text(m->card_id);
    row[i++] = db_text(m->card_code);
    row[i++] = db_text(name);
    row[i++] = db_text(stored);
    row[i++] = db_int(m->version.value);
    return row;
}
