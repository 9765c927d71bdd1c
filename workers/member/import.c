/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include "model/schema_ids.h"
#include "tables/erased.h"
#include "tables/import.h"
#include "wechat/member.h"

/* A push says its time in whole seconds of WeChat's clock. The look counts as so much older, or a
 * change in that very second, or by a clock behind ours, would lose against it. */
enum { BEHIND_MS = 10000, FORM_MAX = 4 << 20 };

static const char MOBILE[] = "USER_FORM_INFO_FLAG_MOBILE";

struct look {
    struct str run_id;
    struct member known; /* what the source says */
    struct member m;     /* what WeChat says, and then both */
    struct import_card card;
    struct json *answers[2];
};

static void look_done(struct look *l)
{
    json_free(l->answers[0]);
    json_free(l->answers[1]);
}

static enum status read_record(const struct message *message, struct look *l, struct err *err)
{
    enum status rc = member_parse(message->value, &l->known, err);

    l->run_id = json_get_str(message->value, "run");
    if (rc == ST_OK && str_is_empty(l->run_id))
        return err_reject(err, REASON_SCHEMA, "schema", "/run is missing");
    l->card = (struct import_card){.card_id = l->known.card_id, .card_code = l->known.card_code};
    return rc;
}

/* What the table is asked and told */

struct word {
    const struct look *look;
    enum import_state state;
    const struct err *why;
    bool wanted;
};

/* writer_fn */
static enum status ask(struct db *tx, void *arg, struct err *err)
{
    struct word *word = arg;

    return import_wants(tx, word->look->run_id, &word->look->card, &word->wanted, err);
}

/* writer_fn */
static enum status tell(struct db *tx, void *arg, struct err *err)
{
    const struct word *word = arg;

    return import_outcome(tx, word->look->run_id, &word->look->card, word->state, word->why, err);
}

static enum status tell_refused(struct lane *lane, const struct look *l, const struct err *why,
                                struct err *err)
{
    struct word word = {l, wechat_card_gone(why) ? IMPORT_GONE : IMPORT_FAILED, why, false};

    return lane_run(lane, tell, &word, err);
}

/* Whoever was erased is not brought back, whatever WeChat still shows. Who came anew since is told
 * by pushes. */
static bool is_erased(struct lane *lane, const struct look *l)
{
    const struct account *account = lane_account(lane, l->known.account);
    const struct erased_who who = {
        .appid = str_from(account ? account->appid : NULL),
        .openid = str_is_set(l->m.openid) ? l->m.openid : l->known.openid,
        .unionid = str_is_set(l->m.unionid) ? l->m.unionid : l->known.unionid,
        .card_id = l->known.card_id,
        .card_code = l->known.card_code,
    };

    return erased_knows(lane_erased(lane), &who, 0);
}

static enum status tell_erased(struct lane *lane, const struct look *l, struct err *err)
{
    const struct err why = {.code = "erased", .text = "was forgotten by member erase"};
    struct word word = {l, IMPORT_GONE, &why, false};

    return lane_run(lane, tell, &word, err);
}

/* The look */

static enum status ask_wechat(struct lane *lane, struct look *l, struct err *err)
{
    const struct card card = {
        .account = lane_account(lane, l->known.account),
        .card_id = l->known.card_id,
        .card_code = l->known.card_code,
        .traceparent = lane_traceparent(lane),
    };
    const int64_t now_ms = clock_wall_ms();
    enum status rc;

    if (!card.account)
        return err_reject(err, REASON_REJECTED, "account", "no [account %.*s] in the settings",
                          STR_ARG(l->known.account));
    l->m = (struct member){.version = {true, now_ms > BEHIND_MS ? now_ms - BEHIND_MS : 0}};
    rc = wechat_member_get(lane_wechat(lane), &card, lane_deadline(lane), lane_arena(lane), &l->m,
                           &l->answers[0], err);
    if (rc != ST_REJECT || !wechat_card_gone(err))
        return rc;
    return wechat_code_get(lane_wechat(lane), &card, lane_deadline(lane), lane_arena(lane), &l->m,
                           &l->answers[1], err);
}

/* What WeChat says goes before. */
static void fill(struct str *attribute, struct str known)
{
    if (str_is_empty(*attribute) && !str_is_empty(known))
        *attribute = known;
}

static enum status fill_mobile(struct lane *lane, struct look *l, struct err *err)
{
    const struct account *account = lane_account(lane, l->known.account);
    const struct str mobile = json_get_str(l->known.form.tree, MOBILE);
    AUTO(buf_done) struct buf text = BUF_INIT(FORM_MAX);
    AUTO(json_freep) struct json *form = NULL;
    enum status rc;

    if (str_is_empty(mobile) || wechat_field_dropped(account->form_fields_drop, STR(MOBILE)))
        return ST_OK;
    rc = json_parse(str_is_set(l->m.form.text) ? l->m.form.text : STR("{}"), &form, err);
    if (rc != ST_OK || json_has(form, MOBILE))
        return rc;
    if (json_set_str(form, MOBILE, mobile))
        json_format(form, &text);
    l->m.form = (struct field_json){.text = arena_dup(lane_arena(lane), buf_str(&text))};
    return str_is_empty(l->m.form.text) ? err_retry(err, "memory", "no memory for a form") : ST_OK;
}

static enum status join(struct lane *lane, struct look *l, struct err *err)
{
    fill(&l->m.openid, l->known.openid);
    fill(&l->m.unionid, l->known.unionid);
    fill(&l->m.membership_number, l->known.membership_number);
    l->card.bonus = l->m.bonus;
    l->card.balance = l->m.balance;
    l->card.active = l->m.has_active;
    return fill_mobile(lane, l, err);
}

/* The outcome is written after the record is in Kafka: whoever reads it may rely on that. */
static enum status keep(struct lane *lane, const struct look *l, struct err *err)
{
    struct word word = {l, IMPORT_LOOKED, NULL, false};
    enum status rc = lane_emit(lane, &EMIT_MEMBER_IMPORTED, &l->m, err);

    if (rc == ST_OK)
        rc = lane_flush(lane, err);
    return rc == ST_OK ? lane_run(lane, tell, &word, err) : rc;
}

enum status import_on_card(struct lane *lane, const struct message *message, struct err *err)
{
    AUTO(look_done) struct look l = {0};
    struct word word = {.look = &l};
    struct err why = {0};
    enum status rc = read_record(message, &l, err);

    if (rc == ST_OK)
        rc = lane_run(lane, ask, &word, err);
    if (rc != ST_OK || !word.wanted)
        return rc;
    if (is_erased(lane, &l))
        return tell_erased(lane, &l, err);
    rc = ask_wechat(lane, &l, &why);
    if (rc == ST_REJECT)
        return tell_refused(lane, &l, &why, err);
    if (rc != ST_OK) {
        *err = why;
        return rc;
    }
    if (is_erased(lane, &l))
        return tell_erased(lane, &l, err);
    rc = join(lane, &l, err);
    return rc == ST_OK ? keep(lane, &l, err) : rc;
}

enum status import_on_dead(struct lane *lane, const struct message *message, const struct err *why,
                           struct err *err)
{
    struct look l = {0};
    struct err named = *why;
    struct word word = {&l, IMPORT_FAILED, &named, false};
    struct err unseen = {0};

    if (!str_eq_cstr(message->event.type, CE_TYPE_MEMBER_IMPORT) || !message->value ||
        read_record(message, &l, &unseen) != ST_OK)
        return ST_OK;
    (void)str_copy(str_from(reason_name(why->reason)), named.code, sizeof(named.code));
    return lane_run(lane, tell, &word, err);
}
