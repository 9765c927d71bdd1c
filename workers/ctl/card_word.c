/* SPDX-License-Identifier: Apache-2.0 */
#include "card_word.h"

#include "app/app.h"
#include "tables/story.h"

#include <stdio.h>

enum { CARDS_MAX = 50, FOUND_MAX = 1 << 16, ARENA_MAX = 1 << 20 };

int card_word_init(struct card_word *w, const struct ctl *ctl)
{
    const struct str whole = str_from(ctl->words[0]);
    size_t at;

    *w = (struct card_word){
        .code = whole, .found = BUF_INIT(FOUND_MAX), .arena = ARENA_INIT(ARENA_MAX)};
    if (str_find(whole, STR(":"), &at)) {
        w->word_id = str_of(whole.ptr, at);
        w->code = str_skip(whole, at + 1);
    }
    return str_is_set(ctl->account) ? ctl_account(ctl, &w->account) : EXIT_DONE;
}

void card_word_done(struct card_word *w)
{
    buf_done(&w->found);
    arena_done(&w->arena);
}

static bool is_meant(const struct card_word *w, struct str appid, struct str card_id)
{
    if (w->account && !str_eq_cstr(appid, w->account->appid))
        return false;
    return !str_is_set(w->word_id) || str_eq(card_id, w->word_id);
}

/* story_fn: of anything that names a card */
static enum status take_card(void *arg, const struct story_row *row, struct err *err UNUSED)
{
    static const char *const names[] = {"appid", "card_id", "card_code"};
    struct card_word *w = arg;
    struct str appid = story_text(row, "appid");
    struct str card_id = story_text(row, "card_id");

    if (!is_meant(w, appid, card_id) ||
        (w->cards > 0 && str_eq(appid, w->card[0]) && str_eq(card_id, w->card[1])))
        return ST_OK;
    w->cards++;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        w->card[i] = arena_dup(&w->arena, story_text(row, names[i]));
    if (w->cards <= CARDS_MAX)
        buf_addf(&w->found, "    %.*s:%.*s  (%.*s)\n", STR_ARG(card_id), STR_ARG(w->code),
                 STR_ARG(appid));
    return ST_OK;
}

static int tell_which(const struct card_word *w)
{
    if (w->cards == 0)
        return ctl_usage("no row knows such a card");
    (void)fprintf(stderr, "kabaoctl: %zu cards have this code, name one as CARD_ID:CODE:\n%.*s",
                  w->cards, STR_ARG(buf_str(&w->found)));
    return EXIT_USAGE;
}

int card_word_find(struct card_word *w, struct db *db)
{
    struct err err = {0};
    enum status rc =
        story_read(db, &(struct story_query){STORY_CARDS, &w->code, 0}, take_card, w, &err);

    if (rc == ST_OK && w->cards == 0)
        rc = story_read(db, &(struct story_query){STORY_EVENTS_OF_CODE, &w->code, 0}, take_card, w,
                        &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return w->cards == 1 ? EXIT_DONE : tell_which(w);
}
