/* SPDX-License-Identifier: Apache-2.0 */
/* How the workers name their effects stands here a second time: tests/e2e/test_replay_ctl.py holds
 * it against what they write. */
#include "replay_tally.h"

#include "activate/rules.h"
#include "base/arena.h"
#include "base/mem.h"
#include "crm/wants.h"
#include "forward/wants.h"
#include "model/cloudevent.h"
#include "model/id.h"
#include "model/schema_ids.h"
#include "run/effects.h"
#include "tables/bonus.h"
#include "tables/look.h"
#include "wechat/commands.h"

#include <string.h>

enum { BATCH_BYTES_MAX = 64 << 20, PATHS_MAX = 512, CALLS_MAX = 2 };

enum kind {
    KIND_READ,    /* calls only */
    KIND_EVENT,   /* an effect by the record's id */
    KIND_BONUS,   /* the same, and an entry */
    KIND_COMMAND, /* the same, of many types */
    KIND_CARD,    /* an effect by the card and its last receipt */
    KIND_TELL,    /* a webhook or a push to the old system, told again as the same one */
};

struct rule {
    const char *worker;
    const char *type; /* "*" stands for any run */
    enum kind kind;
    const char *step;
    const struct call *reads;  /* made whatever the effect's state; NULL: none */
    const struct call *effect; /* made when the effect is not done */
};

static const struct rule RULES[] = {
    {"member", "kabao.wechat.user_get_card", KIND_READ, NULL, &CALL_MEMBER_GET, NULL},
    {"member", "kabao.wechat.user_gifting_card", KIND_READ, NULL, &CALL_MEMBER_GET, NULL},
    {"member", "kabao.wechat.user_del_card", KIND_READ, NULL, &CALL_MEMBER_GET, NULL},
    {"member", "kabao.wechat.user_consume_card", KIND_READ, NULL, &CALL_MEMBER_GET, NULL},
    {"member", "kabao.wechat.user_pay_from_pay_cell", KIND_READ, NULL, &CALL_MEMBER_GET, NULL},
    {"member", "kabao.wechat.update_member_card", KIND_READ, NULL, &CALL_MEMBER_GET, NULL},
    {"member", "kabao.wechat.submit_membercard_user_info", KIND_READ, NULL, &CALL_MEMBER_GET, NULL},
    {"member", "kabao.wechat.user_view_card", KIND_READ, NULL, &CALL_MEMBER_GET, NULL},
    {"activate", "kabao.wechat.user_get_card", KIND_CARD, "activate", &CALL_MEMBER_GET,
     &CALL_MEMBER_ACTIVATE},
    {"activate", "kabao.wechat.submit_membercard_user_info", KIND_CARD, "activate",
     &CALL_MEMBER_GET, &CALL_MEMBER_ACTIVATE},
    {"activate", CE_TYPE_ACTIVATION_TICKET, KIND_CARD, "activate", &CALL_MEMBER_GET,
     &CALL_MEMBER_ACTIVATE},
    {"bonus", CE_TYPE_BONUS_CHANGE, KIND_BONUS, "bonus", NULL, &CALL_MEMBER_UPDATE},
    {"bonus", "kabao.wechat.update_member_card", KIND_READ, NULL, &CALL_MEMBER_GET, NULL},
    {"bind", "kabao.wechat.subscribe", KIND_EVENT, "bind", NULL, &CALL_MESSAGE_CUSTOM},
    {"bind", "kabao.wechat.scan", KIND_EVENT, "bind", NULL, &CALL_MESSAGE_CUSTOM},
    {"bind", "kabao.wechat.unsubscribe", KIND_EVENT, "bind", NULL, NULL},
    {"command", CE_TYPE_COMMAND_PREFIX "*", KIND_COMMAND, "command", NULL, NULL},
    {"crm", "kabao.*", KIND_TELL, NULL, NULL, NULL},
    {"forward", "kabao.wechat.*", KIND_TELL, NULL, NULL, NULL},
};

struct item {
    const struct rule *rule;
    struct str appid;
    struct str id;
    struct str key;
    struct str type;
    bool has_effect; /* effect names it */
    struct id effect;
    const struct command_type *command; /* KIND_COMMAND */
    enum look_state state;
};

struct tally {
    const struct settings *settings;
    struct str worker;
    struct db *db;
    struct commands *commands; /* NULL: not needed */
    struct arena arena;        /* of the batch */
    struct item items[LOOK_MAX];
    size_t count;
    struct look looks[LOOK_MAX];
    struct item *looked[LOOK_MAX]; /* whose look it is */
    struct look_card cards[LOOK_MAX];
    struct tally_counts counts;
    struct tally_path paths[PATHS_MAX];
    size_t path_count;
};

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "out of memory");
}

/* Opening */

enum status tally_open(const struct settings *settings, struct str worker, struct db *db,
                       struct tally **out, struct err *err)
{
    struct tally *t = mem_zalloc(sizeof(*t));
    enum status rc = ST_OK;

    if (!t)
        return no_memory(err);
    t->settings = settings;
    t->worker = worker;
    t->db = db;
    t->arena.max = BATCH_BYTES_MAX;
    if (str_eq(worker, STR("command")))
        rc = commands_open(settings, &t->commands, err);
    if (rc != ST_OK) {
        tally_close(t);
        return rc;
    }
    *out = t;
    return ST_OK;
}

void tally_close(struct tally *t)
{
    if (!t)
        return;
    commands_close(t->commands);
    arena_done(&t->arena);
    mem_free(t);
}

/* Taking a record in */

/* Nobody is told what its settings do not ask for. */
static bool is_told(const struct tally *t, struct str type)
{
    return str_eq(t->worker, STR("crm")) ? crm_wants(t->settings, type)
                                         : forward_wants(t->settings, type);
}

static const struct rule *find_rule(const struct tally *t, struct str type)
{
    for (size_t i = 0; i < COUNT_OF(RULES); i++) {
        const struct rule *rule = &RULES[i];

        if (str_eq_cstr(t->worker, rule->worker) && str_match(str_from(rule->type), type))
            return rule->kind != KIND_TELL || is_told(t, type) ? rule : NULL;
    }
    return NULL;
}

static enum status keep(struct tally *t, const struct record *record,
                        const struct cloudevent *event, const struct rule *rule, struct err *err)
{
    struct item *item = &t->items[t->count];

    *item = (struct item){
        .rule = rule,
        .appid = arena_dup(&t->arena, event->appid),
        .id = arena_dup(&t->arena, event->id),
        .key = arena_dup(&t->arena, record->key),
        .type = arena_dup(&t->arena, event->type),
    };
    if (!str_is_set(item->id) || !str_is_set(item->type))
        return no_memory(err);
    t->count++;
    return ST_OK;
}

static enum status work_off(struct tally *t, struct err *err);

enum status tally_add(void *arg, const struct record *record, struct err *err)
{
    struct tally *t = arg;
    struct cloudevent event = {0};
    struct str data = {0};
    const struct rule *rule = NULL;
    enum status rc = cloudevent_read(record->headers, record->header_count, record->value,
                                     &t->arena, &event, &data, err);

    if (rc == ST_RETRY)
        return rc;
    if (rc == ST_OK)
        rule = find_rule(t, event.type);
    if (!rule) { /* also one that is no event: the worker makes a dead letter of it */
        t->counts.none++;
        return ST_OK;
    }
    rc = keep(t, record, &event, rule, err);
    return rc == ST_OK && t->count == LOOK_MAX ? work_off(t, err) : rc;
}

/* Names of effects */

static void name_effect(struct item *item, struct str identity)
{
    const struct step step = {.name = item->rule->step};

    if (str_is_empty(identity))
        return;
    effect_id(&step, identity, &item->effect);
    item->has_effect = true;
}

static bool split_card(struct str key, struct look_card *card)
{
    struct str rest = {0};

    *card = (struct look_card){0};
    (void)str_cut(key, ':', &card->appid, &rest);
    (void)str_cut(rest, ':', &card->card_id, &card->card_code);
    return !str_is_empty(card->card_id) && !str_is_empty(card->card_code);
}

/* Who asks for no activation gets none. */
static bool is_asked(const struct tally *t, const struct item *item)
{
    const struct account *account = settings_account_by_appid(t->settings, item->appid);

    return str_eq_cstr(item->type, CE_TYPE_ACTIVATION_TICKET) ||
           (account && account->activation != ACTIVATION_NONE);
}

/* A card without a row was not seen yet: its receipt is this record, if it is one. */
static enum status name_activation(struct tally *t, struct item *item, const struct look_card *card,
                                   struct err *err)
{
    const struct activation_wait row = {
        .appid = card->appid,
        .card_id = card->card_id,
        .card_code = card->card_code,
        .receipt_id = card->receipt_id[0] ? str_from(card->receipt_id) : (struct str){NULL, 0},
    };
    struct str receipt = receipt_name(&row);
    struct str name;

    if (!card->found && str_eq(item->type, STR("kabao.wechat.user_get_card")))
        receipt = receipt_id(item->id, &t->arena);
    name = activation_name(&row, receipt, &t->arena);
    if (!str_is_set(receipt) || !str_is_set(name))
        return no_memory(err);
    name_effect(item, name);
    if (card->is_told)
        item->state = LOOK_DONE;
    return ST_OK;
}

static enum status name_activations(struct tally *t, struct err *err)
{
    size_t count = 0;
    enum status rc;

    for (size_t i = 0; i < t->count; i++)
        if (is_asked(t, &t->items[i]) && split_card(t->items[i].key, &t->cards[count]))
            t->looked[count++] = &t->items[i];
    rc = look_cards(t->db, t->cards, count, err);
    for (size_t i = 0; rc == ST_OK && i < count; i++)
        rc = name_activation(t, t->looked[i], &t->cards[i], err);
    return rc;
}

static void name_command(const struct tally *t, struct item *item)
{
    struct str type = str_skip(item->type, sizeof(CE_TYPE_COMMAND_PREFIX) - 1);

    item->command = commands_find(t->commands, type);
    if (item->command && item->command->call->nature != NATURE_READ)
        name_effect(item, item->id);
}

static enum status name_all(struct tally *t, struct err *err)
{
    if (str_eq(t->worker, STR("activate")))
        return name_activations(t, err);
    for (size_t i = 0; i < t->count; i++) {
        struct item *item = &t->items[i];

        if (item->rule->kind == KIND_COMMAND)
            name_command(t, item);
        else if (item->rule->step)
            name_effect(item, item->id);
    }
    return ST_OK;
}

/* Looking up */

static enum status find_effects(struct tally *t, struct err *err)
{
    size_t count = 0;
    enum status rc;

    for (size_t i = 0; i < t->count; i++) {
        struct item *item = &t->items[i];

        if (!item->has_effect)
            continue;
        t->looked[count] = item;
        t->looks[count].state = item->state;
        (void)str_copy(str_from(item->effect.text), t->looks[count++].id, LOOK_ID_SIZE);
    }
    rc = look_effects(t->db, t->looks, count, err);
    for (size_t i = 0; rc == ST_OK && i < count; i++)
        t->looked[i]->state = t->looks[i].state;
    return rc;
}

/* What was answered without a call has an entry and no effect. */
static enum status find_entries(struct tally *t, struct err *err)
{
    size_t count = 0;
    enum status rc;

    for (size_t i = 0; i < t->count; i++) {
        struct item *item = &t->items[i];
        char room[BONUS_ID_ROOM];

        if (item->rule->kind != KIND_BONUS || item->state != LOOK_NONE)
            continue;
        t->looked[count] = item;
        t->looks[count].state = LOOK_NONE;
        (void)str_copy(bonus_id(item->id, room), t->looks[count++].id, LOOK_ID_SIZE);
    }
    rc = look_bonus_entries(t->db, t->looks, count, err);
    for (size_t i = 0; rc == ST_OK && i < count; i++)
        t->looked[i]->state = t->looks[i].state;
    return rc;
}

/* Counting */

static bool add_call(struct tally *t, const struct item *item, const struct call *call)
{
    size_t i = 0;

    if (!call || !call->path)
        return true;
    while (i < t->path_count && (strcmp(t->paths[i].path, call->path) != 0 ||
                                 !str_eq_cstr(item->appid, t->paths[i].appid)))
        i++;
    if (i == PATHS_MAX)
        return false;
    if (i == t->path_count) {
        t->paths[i].path = call->path;
        (void)str_copy(item->appid, t->paths[i].appid, sizeof(t->paths[i].appid));
        t->path_count++;
    }
    t->paths[i].calls++;
    return true;
}

/* Of these nobody but a person can tell how they ended: WeChat cannot be asked. */
static bool is_once(const struct item *item)
{
    const struct call *call = item->command ? item->command->call : NULL;

    if (!call)
        return false;
    /* A call of [command NAME] has no code of its own that could ask. */
    return call->nature == NATURE_ONCE || (call->nature == NATURE_PROBE && !call_find(call->type));
}

static void count_effect(struct tally *t, const struct item *item)
{
    const bool refused = item->command && item->command->call->irreversible;

    switch (item->state) {
    case LOOK_DONE: t->counts.done++; return;
    case LOOK_UNKNOWN: t->counts.unknown++; return;
    case LOOK_OPEN:
        if (is_once(item))
            t->counts.unknown++;
        else
            t->counts.open++;
        return;
    case LOOK_NONE: break;
    }
    if (refused)
        t->counts.none++;
    else
        t->counts.fresh++;
}

static const struct call *effect_call(const struct item *item)
{
    if (item->rule->kind != KIND_COMMAND)
        return item->rule->effect;
    return item->command ? item->command->call : NULL;
}

/* A page's ticket names its card only to WeChat. */
static bool may_have_effect(const struct item *item)
{
    return item->has_effect || item->rule->kind == KIND_TELL ||
           (item->rule->kind == KIND_CARD && str_eq_cstr(item->type, CE_TYPE_ACTIVATION_TICKET));
}

static enum status count_item(struct tally *t, const struct item *item, struct err *err)
{
    const int64_t before = t->counts.open + t->counts.fresh;
    bool good = add_call(t, item, item->rule->reads);
    bool calls;

    if (may_have_effect(item))
        count_effect(t, item);
    else
        t->counts.none++;
    calls = t->counts.open + t->counts.fresh > before ||
            (item->rule->kind == KIND_COMMAND && !item->has_effect);
    if (good && calls)
        good = add_call(t, item, effect_call(item));
    return good ? ST_OK : err_fatal(err, "paths", "too many paths and accounts to count");
}

static enum status work_off(struct tally *t, struct err *err)
{
    enum status rc = name_all(t, err);

    if (rc == ST_OK)
        rc = find_effects(t, err);
    if (rc == ST_OK)
        rc = find_entries(t, err);
    for (size_t i = 0; rc == ST_OK && i < t->count; i++)
        rc = count_item(t, &t->items[i], err);
    t->count = 0;
    arena_reset(&t->arena);
    return rc;
}

enum status tally_end(struct tally *t, struct tally_counts *out, struct err *err)
{
    enum status rc = work_off(t, err);

    if (rc == ST_OK)
        *out = t->counts;
    return rc;
}

const struct tally_path *tally_paths(const struct tally *t, size_t *count)
{
    *count = t->path_count;
    return t->paths;
}
