/* SPDX-License-Identifier: Apache-2.0 */
/* Who a person is, as far as the tables know. */
#include "tables/erase.h"
#include "tables/sql.h"

#define OF_OPENID " WHERE appid=? AND openid=?"
#define OF_CARD   " WHERE appid=? AND card_id=? AND card_code=?"

static const char OPENID_OF_CARD[] = "SELECT openid FROM member" OF_CARD " AND openid IS NOT NULL";
static const char OPENID_AWAITED[] =
    "SELECT openid FROM activation_wait" OF_CARD " AND openid IS NOT NULL";
static const char OPENID_OF_EVENT[] = "SELECT openid FROM wechat_event" OF_CARD
                                      " AND openid IS NOT NULL ORDER BY create_time DESC LIMIT 1";
/* A card that is somebody else's by now, or has a life after `at`, is left alone. */
static const char CARDS[] =
    "SELECT card_id,card_code FROM member" OF_OPENID " AND version<=?"
    " UNION SELECT e.card_id,e.card_code FROM wechat_event e"
    " LEFT JOIN member m ON m.appid=e.appid AND m.card_id=e.card_id AND m.card_code=e.card_code"
    " WHERE e.appid=? AND e.openid=? AND e.card_id<>'' AND e.card_code<>''"
    " AND (m.openid IS NULL OR m.openid=?) AND COALESCE(m.version<=?,TRUE) LIMIT 501";
static const char UNIONIDS[] =
    "SELECT DISTINCT unionid FROM member" OF_OPENID " AND unionid IS NOT NULL LIMIT 17";
static const char PHONES[] =
    "SELECT mobile FROM member" OF_CARD " AND mobile IS NOT NULL UNION SELECT value FROM"
    " member_field" OF_CARD " AND name='USER_FORM_INFO_FLAG_MOBILE' AND value<>''";

_Static_assert(ERASE_CARDS_MAX == 500 && ERASE_IDS_MAX == 16, "the LIMITs of CARDS and UNIONIDS");

static enum status too_many(struct err *err)
{
    return err_reject(err, REASON_REJECTED, "erase",
                      "the person has more cards or ids than one "
                      "command can erase");
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a person");
}

struct finding {
    struct erase_person *person;
    struct erase_list *list;
    struct arena *arena;
};

static enum status add_id(struct erase_list *list, struct arena *arena, struct str id,
                          struct err *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], id))
            return ST_OK;
    if (list->count == ERASE_IDS_MAX)
        return too_many(err);
    list->items[list->count] = arena_dup(arena, id);
    return str_is_set(list->items[list->count++]) ? ST_OK : no_memory(err);
}

static enum status take_id(void *arg, const struct db_value *columns, size_t count UNUSED,
                           struct err *err)
{
    const struct finding *f = arg;

    return add_id(f->list, f->arena, sql_text(&columns[0]), err);
}

/* Without the country's number, so that it is found in either form. */
static enum status take_phone(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err)
{
    const struct finding *f = arg;
    struct str phone = sql_text(&columns[0]);

    if (str_starts(phone, STR("+86")))
        phone = str_skip(phone, 3);
    return phone.len < 8 ? ST_OK : add_id(f->list, f->arena, phone, err);
}

static enum status add_card(struct erase_person *p, struct arena *arena, struct str card_id,
                            struct str card_code, struct err *err)
{
    struct erase_card *card;

    for (size_t i = 0; i < p->card_count; i++)
        if (str_eq(p->cards[i].card_id, card_id) && str_eq(p->cards[i].card_code, card_code))
            return ST_OK;
    if (p->card_count == ERASE_CARDS_MAX)
        return too_many(err);
    card = &p->cards[p->card_count++];
    *card = (struct erase_card){arena_dup(arena, card_id), arena_dup(arena, card_code)};
    return str_is_set(card->card_id) && str_is_set(card->card_code) ? ST_OK : no_memory(err);
}

static enum status take_card(void *arg, const struct db_value *columns, size_t count UNUSED,
                             struct err *err)
{
    const struct finding *f = arg;

    return add_card(f->person, f->arena, sql_text(&columns[0]), sql_text(&columns[1]), err);
}

static enum status find_openids(struct db *db, struct finding *f, struct err *err)
{
    static const struct str places[] = {STR_INIT(OPENID_OF_CARD), STR_INIT(OPENID_AWAITED),
                                        STR_INIT(OPENID_OF_EVENT)};
    const struct erase_person *p = f->person;
    enum status rc = ST_OK;

    f->list = &f->person->openids;
    for (size_t c = 0; c < p->card_count; c++) {
        const struct db_value key[] = {db_text(p->appid), db_text(p->cards[c].card_id),
                                       db_text(p->cards[c].card_code)};

        for (size_t i = 0; rc == ST_OK && p->openids.count == 0 && i < COUNT_OF(places); i++)
            rc = db_query(db, places[i], key, COUNT_OF(key), take_id, f, err);
    }
    return rc;
}

static enum status find_of_openid(struct db *db, struct finding *f, struct str openid,
                                  struct err *err)
{
    const struct db_value appid = db_text(f->person->appid);
    const struct db_value id = db_text(openid);
    const struct db_value at = db_int(f->person->at_ms);
    const struct db_value key[] = {appid, id, at, appid, id, id, at};
    enum status rc = db_query(db, STR(CARDS), key, COUNT_OF(key), take_card, f, err);

    f->list = &f->person->unionids;
    return rc == ST_OK ? db_query(db, STR(UNIONIDS), key, 2, take_id, f, err) : rc;
}

static enum status find_phones(struct db *db, struct finding *f, struct err *err)
{
    const struct erase_person *p = f->person;
    enum status rc = ST_OK;

    f->list = &f->person->phones;
    for (size_t i = 0; rc == ST_OK && i < p->card_count; i++) {
        const struct db_value appid = db_text(p->appid);
        const struct db_value card_id = db_text(p->cards[i].card_id);
        const struct db_value card_code = db_text(p->cards[i].card_code);
        const struct db_value key[] = {appid, card_id, card_code, appid, card_id, card_code};

        rc = db_query(db, STR(PHONES), key, COUNT_OF(key), take_phone, f, err);
    }
    return rc;
}

enum status erase_find(struct db *db, struct arena *arena, struct erase_person *p, struct err *err)
{
    struct finding f = {.person = p, .arena = arena};
    struct erase_card *given = p->cards;
    enum status rc;

    p->cards = arena_alloc(arena, ERASE_CARDS_MAX * sizeof(*p->cards));
    if (!p->cards)
        return no_memory(err);
    for (size_t i = 0; i < p->card_count; i++)
        p->cards[i] = given[i];
    rc = find_openids(db, &f, err);
    for (size_t i = 0; rc == ST_OK && i < p->openids.count; i++)
        rc = find_of_openid(db, &f, p->openids.items[i], err);
    return rc == ST_OK ? find_phones(db, &f, err) : rc;
}
