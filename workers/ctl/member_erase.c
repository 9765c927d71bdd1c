/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl member erase CARD: kabao-command forgets the person, and says when it is done. */
#include "app/app.h"
#include "card_word.h"
#include "command_ask.h"
#include "database.h"
#include "show.h"

#include <stdio.h>

#define TYPE "member.erase"

enum { BODY_MAX = 1024, LINE_MAX_BYTES = 4096, QUESTION_MAX = 512 };

static const struct account *account_of(const struct ctl *ctl, struct str appid)
{
    for (size_t i = 0; i < ctl->settings->account_count; i++)
        if (str_eq_cstr(appid, ctl->settings->accounts[i].appid))
            return &ctl->settings->accounts[i];
    return NULL;
}

static int find_card(const struct ctl *ctl, struct card_word *word)
{
    struct err err = {0};
    struct db *db = NULL;
    int code = card_word_init(word, ctl);
    enum status rc;

    if (code != EXIT_DONE)
        return code;
    rc = database_open(ctl, &db, &err);
    code = rc == ST_OK ? card_word_find(word, db) : ctl_fail(rc, &err);
    database_close(db);
    if (code == EXIT_DONE && !account_of(ctl, word->card[0]))
        return ctl_usage("the card's appid is none of the settings");
    return code;
}

static bool is_sure(const struct ctl *ctl, const struct card_word *word)
{
    AUTO(buf_done) struct buf question = BUF_INIT(QUESTION_MAX);

    buf_addf(&question,
             "Whoever has the card %.*s:%.*s is forgotten, with all of their cards: forms, "
             "bindings, pushes, answers. Points and codes stay. Nobody can bring it back. Erase?",
             STR_ARG(word->card[1]), STR_ARG(word->card[2]));
    return buf_ok(&question) && ctl_confirm(ctl, buf_str(&question).ptr);
}

static bool print_json(const struct card_word *word, struct str answer)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct jsonw w = {.out = &line};

    jsonw_object(&w);
    jsonw_key_str(&w, "appid", word->card[0]);
    jsonw_key_str(&w, "card_id", word->card[1]);
    jsonw_key_str(&w, "card_code", word->card[2]);
    jsonw_key(&w, STR("erased"));
    jsonw_raw(&w, answer);
    jsonw_object_end(&w);
    return show_print_json(&line);
}

static int tell(const struct ctl *ctl, const struct card_word *word,
                const struct command_result *result)
{
    AUTO(json_freep) struct json *answer = NULL;
    const int code = command_answer(TYPE, result, &answer);
    int64_t cards = 0;
    int64_t parked = 0;

    if (code != EXIT_DONE)
        return code;
    if (ctl->json)
        return print_json(word, str_is_set(result->answer) ? result->answer : STR("{}"))
                   ? EXIT_DONE
                   : EXIT_INTERNAL;
    (void)json_get_i64(answer, "cards", &cards);
    (void)json_get_i64(answer, "parked", &parked);
    (void)printf("Erased: %lld cards. What the topics hold of the person ends with their "
                 "retention.\n",
                 (long long)cards);
    if (parked > 0)
        (void)printf("%lld parked records become dead letters when their workers get to them.\n",
                     (long long)parked);
    return EXIT_DONE;
}

static int ask(const struct ctl *ctl, const struct card_word *word)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct jsonw w = {.out = &body};
    struct command_asker asker;
    struct command_result result = {.at_ms = 0};
    int code = command_asker_open_for(&asker, ctl, account_of(ctl, word->card[0]));

    jsonw_object(&w);
    jsonw_key_str(&w, "card_id", word->card[1]);
    jsonw_key_str(&w, "card_code", word->card[2]);
    jsonw_object_end(&w);
    asker.goes_on = true;
    if (code == EXIT_DONE)
        code = command_ask(&asker, TYPE, buf_str(&body), &result);
    if (code == EXIT_DONE)
        code = tell(ctl, word, &result);
    command_asker_close(&asker);
    return code;
}

int ctl_member_erase(const struct ctl *ctl)
{
    AUTO(card_word_done) struct card_word word = {0};
    const int code = find_card(ctl, &word);

    if (code != EXIT_DONE)
        return code;
    return is_sure(ctl, &word) ? ask(ctl, &word) : EXIT_USAGE;
}
