/* SPDX-License-Identifier: Apache-2.0 */
#include "import_rows.h"

#include "base/attr.h"
#include "tables/member.h"

/* Of the columns; WeChat's own are shorter (card ids 28, codes 20, openids 28 characters). */
enum { NAME_MAX_BYTES = 64 };

/* Printable ASCII without blanks: what ids and codes of WeChat are made of. */
static bool is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    return text.len > 0 && text.len <= NAME_MAX_BYTES;
}

static bool is_name_or_none(struct str text)
{
    return str_is_empty(text) || is_name(text);
}

/* 1.82554E+11: a spreadsheet took the code for a number, and its end is lost. */
static bool is_rounded(struct str code)
{
    size_t at = 0;

    if (!str_find(code, STR("E+"), &at) && !str_find(code, STR("e+"), &at))
        return false;
    for (size_t i = 0; i < code.len; i++) {
        const char c = code.ptr[i];

        if ((c < '0' || c > '9') && c != '.' && c != '+' && i != at)
            return false;
    }
    return at > 0;
}

/* Empty cells are not known. */
static struct str known(struct str cell)
{
    static const struct str unknown = {NULL, 0};

    return str_is_empty(cell) ? unknown : cell;
}

const char *import_row_read(const struct str values[IMPORT_COLUMNS], struct arena *arena,
                            struct import_card *out)
{
    const struct import_card card = {
        .card_id = values[IMPORT_COLUMN_CARD_ID],
        .card_code = values[IMPORT_COLUMN_CARD_CODE],
        .openid = known(values[IMPORT_COLUMN_OPENID]),
        .unionid = known(values[IMPORT_COLUMN_UNIONID]),
        .membership_number = known(values[IMPORT_COLUMN_NUMBER]),
        .mobile = member_mobile(arena, values[IMPORT_COLUMN_MOBILE]),
    };

    if (!is_name(card.card_id))
        return "card_id is no id of a card";
    if (is_rounded(card.card_code))
        return "card_code was rounded by a spreadsheet: export the column as text";
    if (!is_name(card.card_code))
        return "card_code is no code";
    if (!is_name_or_none(card.openid))
        return "openid is none";
    if (!is_name_or_none(card.unionid))
        return "unionid is none";
    if (card.membership_number.len > NAME_MAX_BYTES)
        return "membership_number is longer than 64 bytes";
    if (!str_is_empty(values[IMPORT_COLUMN_MOBILE]) && !str_is_set(card.mobile))
        return "mobile is no telephone number";
    *out = card;
    return NULL;
}

bool import_card_keep(struct arena *arena, const struct import_card *card, struct import_card *out)
{
    const struct str *from[] = {&card->card_id, &card->card_code,         &card->openid,
                                &card->unionid, &card->membership_number, &card->mobile};
    struct str *to[] = {&out->card_id, &out->card_code,         &out->openid,
                        &out->unionid, &out->membership_number, &out->mobile};

    *out = *card;
    for (size_t i = 0; i < COUNT_OF(to); i++) {
        *to[i] = arena_dup(arena, *from[i]);
        if (str_is_set(*from[i]) && !str_is_set(*to[i]))
            return false;
    }
    return true;
}
