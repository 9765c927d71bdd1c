/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/db/orders.h"

#include "db/migrate.h"
#include "tests/unit/check.h"

#include <string.h>

const struct bonus_seen CARD = {{true, SHOWN}, {false, 0}};

struct bonus_key orders_key(const char *code)
{
    return (struct bonus_key){STR("wx1"), STR("p1"), str_from(code)};
}

void order_init(struct order *o, const char *id, const char *code, const char *mode)
{
    *o = (struct order){.command = {.mode = str_from(mode)}};
    memset(o->hash, 'a', HASH_SIZE - 1);
    o->word.id = str_from(id);
    o->word.key = orders_key(code);
    o->word.command = &o->command;
    o->word.request_hash = str_from(o->hash);
    o->word.card = &CARD;
}

struct order order_add(const char *id, const char *code, int64_t bonus)
{
    struct order o;

    order_init(&o, id, code, "add");
    o.command.add_bonus = (struct opt_i64){true, bonus};
    return o;
}

struct order order_set(const char *id, const char *code, int64_t bonus, int64_t version)
{
    struct order o;

    order_init(&o, id, code, "set");
    o.command.bonus = (struct opt_i64){true, bonus};
    o.command.version = (struct opt_i64){true, version};
    return o;
}

/* Pointers into itself are set again: an order may have been copied. */
static void bind(struct order *o)
{
    o->word.command = o->word.command ? &o->command : NULL;
    o->word.request_hash = str_from(o->hash);
}

enum bonus_verdict order_take(const struct orders *l, struct order *o)
{
    struct err err;

    bind(o);
    for (int i = 0; i < 2; i++)
        must(bonus_take(l->db, &o->word, &o->state, &o->verdict, &err), &err);
    return o->verdict;
}

void order_done(const struct orders *l, struct order *o)
{
    const struct bonus_seen seen = {{true, o->state.account.bonus}, o->state.account.balance};
    struct err err;

    bind(o);
    for (int i = 0; i < 2; i++)
        must(bonus_done(l->db, &o->word, &seen, &o->state, &err), &err);
}

void order_refuse(const struct orders *l, struct order *o)
{
    struct err why = {0};
    struct err err;

    (void)err_reject(&why, REASON_REJECTED, "wechat:45022", "limit of points reached");
    bind(o);
    for (int i = 0; i < 2; i++)
        must(bonus_refuse(l->db, &o->word, &why, &o->state, &err), &err);
}

void order_fail(const struct orders *l, struct order *o)
{
    struct err why = {.reason = REASON_EXHAUSTED, .code = "wechat:61450", .text = "system error"};
    struct err err;

    bind(o);
    for (int i = 0; i < 2; i++)
        must(bonus_fail(l->db, &o->word, BONUS_FAILED, &why, &o->state, &err), &err);
}

struct bonus_account orders_account(const struct orders *l, const char *code)
{
    struct bonus_key key = orders_key(code);
    struct bonus_account account;
    struct err err;

    must(bonus_account_lock(l->db, &key, &account, &err), &err);
    return account;
}

void assert_account(const struct orders *l, const char *code, int64_t bonus, int64_t rev)
{
    struct bonus_account account = orders_account(l, code);

    assert_true(account.found && account.now_ms > 0);
    assert_int_equal(account.bonus, bonus);
    assert_int_equal(account.rev, rev);
}

void assert_entry(const struct order *o, enum bonus_outcome outcome, int64_t delta, int64_t bonus)
{
    assert_true(o->state.entry.found && o->state.entry.at_ms > 0);
    assert_int_equal(o->state.entry.outcome, outcome);
    assert_int_equal(o->state.entry.delta, delta);
    assert_int_equal(o->state.entry.bonus.value, bonus);
}

void orders_open(struct orders *l, char **arguments)
{
    struct err err;

    scratch_open(&l->scratch, arguments);
    must(migrate_apply(l->scratch.db, NULL, NULL, &err), &err);
    must(db_open(&l->scratch.settings, &l->db, &err), &err);
}

void orders_close(struct orders *l)
{
    db_close(l->db);
    scratch_close(&l->scratch);
}

int orders_begin(void **state)
{
    const struct orders *l = *state;

    scratch_run(&l->scratch, "DELETE FROM bonus_account; DELETE FROM bonus_entry");
    return 0;
}

void order_clear(struct order *o, const char *id, const char *code, const struct bonus_seen *card)
{
    order_init(o, id, code, "");
    o->word.command = NULL;
    o->word.request_hash = (struct str)ABSENT;
    o->word.card = card;
}
