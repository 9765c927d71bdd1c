/* SPDX-License-Identifier: Apache-2.0 */
/* member.erase: kabao forgets a person. First `erased` knows their hashes, so that nothing about
 * them is written any more; then every table is swept; then their cards' states are taken out of
 * the compacted topic. What is cut short goes on where it was (table erasure). */
#include "base/hex.h"
#include "call.h"
#include "codec/jsonw.h"
#include "erased.h"
#include "model/member.h"
#include "tables/erase.h"

enum {
    ANSWER_MAX = 256,
    LEAST_MS = 2000,   /* of an attempt that goes on */
    CALLS_MS = 500,    /* between two looks at what is under way */
    AHEAD_MS = 600000, /* how far WeChat's clock may be ahead */
};

struct erasing {
    struct command *c;
    struct deadline until;
    char hash[2 * SHA256_LEN + 1];
    struct erase_card given;
    struct erasure erasure;
    struct erase_person person;
    struct erase_cursor next;
    int64_t rows;
    bool awaits;
};

static void name_erasure(struct erasing *e)
{
    uint8_t hash[SHA256_LEN];

    sha256(e->c->message->event.id, hash);
    hex_format(hash, sizeof(hash), e->hash);
}

/* What is said of now counts until now: what is under way is about the same person. One that is
 * given again says it of then. A revocation may come from a clock that is ahead. */
static int64_t erased_at(const struct command *c)
{
    const int64_t asked_ms = command_asked_ms(c);
    const int64_t now_ms = clock_wall_ms();

    if (lane_is_replay(c->lane) || (asked_ms > now_ms && asked_ms < now_ms + AHEAD_MS))
        return asked_ms;
    return now_ms;
}

/* writer_fn: who it is, and from when on. */
static enum status begin(struct db *tx, void *arg, struct err *err)
{
    struct erasing *e = arg;
    const struct json *body = e->c->body;
    struct erase_person *p = &e->person;
    enum status rc = erase_begin(tx, str_from(e->hash), erased_at(e->c), &e->erasure, err);

    if (rc != ST_OK)
        return rc;
    *p = (struct erase_person){.appid = str_from(e->c->account->appid), .at_ms = e->erasure.at_ms};
    e->given = (struct erase_card){json_get_str(body, "card_id"), json_get_str(body, "card_code")};
    if (str_is_set(e->given.card_id)) {
        p->cards = &e->given;
        p->card_count = 1;
    } else {
        p->openids.items[p->openids.count++] = json_get_str(body, "openid");
    }
    return erase_find(tx, lane_arena(e->c->lane), p, err);
}

/* One after the other: the ids, then the cards. */
static bool who_is(const struct erase_person *p, size_t i, struct erased_who *out)
{
    *out = (struct erased_who){.appid = p->appid};
    if (i < p->openids.count) {
        out->openid = p->openids.items[i];
        return true;
    }
    i -= p->openids.count;
    if (i < p->unionids.count) {
        out->unionid = p->unionids.items[i];
        return true;
    }
    i -= p->unionids.count;
    if (i >= p->card_count)
        return false;
    out->card_id = p->cards[i].card_id;
    out->card_code = p->cards[i].card_code;
    return true;
}

/* writer_fn */
static enum status put_all(struct db *tx, void *arg, struct err *err)
{
    struct erasing *e = arg;
    struct erased_who who;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && who_is(&e->person, i, &who); i++)
        rc = erased_put(tx, &who, e->person.at_ms, err);
    return rc == ST_OK ? erase_marked(tx, str_from(e->hash), &e->erasure, err) : rc;
}

/* Each mark has every worker look again: none is made twice. */
static enum status mark(struct erasing *e, struct err *err)
{
    struct erased_who who;
    bool known = true;

    for (size_t i = 0; known && who_is(&e->person, i, &who); i++)
        known = erased_knows(lane_erased(e->c->lane), &who, e->person.at_ms);
    return known ? ST_OK : lane_run_unguarded(e->c->lane, put_all, e, err);
}

/* writer_fn */
static enum status look(struct db *tx, void *arg, struct err *err)
{
    struct erasing *e = arg;

    return erase_awaits(tx, e->erasure.began_ms, e->c->message->event.id, &e->awaits, err);
}

/* writer_fn */
static enum status step(struct db *tx, void *arg, struct err *err)
{
    struct erasing *e = arg;
    enum status rc = erase_step(tx, &e->person, &e->erasure.cursor, &e->next, &e->rows, err);

    return rc == ST_OK ? erase_save(tx, str_from(e->hash), &e->next, err) : rc;
}

/* What a call under way learns of the person is kept when it ends: the sweep comes after. */
static enum status await_calls(struct erasing *e, struct err *err)
{
    enum status rc = lane_run_unguarded(e->c->lane, look, e, err);

    if (rc != ST_OK || !e->awaits)
        return rc;
    return err_wait(err, "erase", deadline_in(CALLS_MS), "calls are under way");
}

static enum status sweep(struct erasing *e, struct err *err)
{
    while (!erase_is_done(&e->erasure.cursor)) {
        enum status rc;

        if (deadline_left_ms(e->until) < LEAST_MS)
            return err_wait(err, "erase", deadline_in(0), "large tables are walked through");
        rc = lane_run_unguarded(e->c->lane, step, e, err);
        if (rc != ST_OK)
            return rc;
        e->erasure.cursor = e->next;
    }
    return ST_OK;
}

static enum status bury(const struct erasing *e, struct err *err)
{
    const struct erase_person *p = &e->person;
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < p->card_count; i++) {
        const struct member card = {
            .appid = p->appid,
            .card_id = p->cards[i].card_id,
            .card_code = p->cards[i].card_code,
        };

        rc = lane_emit(e->c->lane, &EMIT_MEMBER_GONE, &card, err);
    }
    return rc == ST_OK ? lane_flush(e->c->lane, err) : rc;
}

/* writer_fn */
static enum status forget(struct db *tx, void *arg, struct err *err)
{
    const struct erasing *e = arg;

    return erase_forget(tx, str_from(e->hash), err);
}

/* No name of anybody: results are kept for long. */
static enum status answer(const struct erasing *e, struct reply *reply, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);
    struct jsonw w = {.out = &text};
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(e->erasure.at_ms, at);
    jsonw_object(&w);
    jsonw_key_i64(&w, "cards", (int64_t)e->person.card_count);
    jsonw_key_i64(&w, "parked", e->erasure.cursor.parked);
    jsonw_key_str(&w, "erased_at", str_from(at));
    jsonw_object_end(&w);
    *reply = (struct reply){.answer = arena_dup(lane_arena(e->c->lane), buf_str(&text))};
    return buf_ok(&text) && str_is_set(reply->answer) ? ST_OK : command_no_memory(err);
}

static enum status run(struct command *c, struct deadline until, struct reply *reply,
                       struct err *err)
{
    struct erasing e = {.c = c, .until = until};
    enum status rc;

    name_erasure(&e);
    rc = lane_run_unguarded(c->lane, begin, &e, err);
    if (rc == ST_OK)
        rc = mark(&e, err);
    if (rc == ST_OK)
        rc = await_calls(&e, err);
    if (rc == ST_OK)
        rc = sweep(&e, err);
    if (rc == ST_OK)
        rc = bury(&e, err);
    if (rc == ST_OK)
        rc = lane_run_unguarded(c->lane, forget, &e, err);
    return rc == ST_OK ? answer(&e, reply, err) : rc;
}

const struct special SPECIAL_MEMBER_ERASE = {.type = "member.erase", .run = run};
