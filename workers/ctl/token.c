/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl token status: what state.token says, never the token itself. */
#include "model/token.h"

#include "app/app.h"
#include "app/table.h"
#include "codec/json.h"
#include "ctl.h"
#include "kafka/tail.h"
#include "kafka/topics.h"

#include <stdio.h>
#include <string.h>

enum { OPEN_MS = 10000, READ_MS = 30000, POLL_MS = 200, SLOTS_MAX = 256, TEXT_SIZE = 64 };

struct token_line {
    char account[TEXT_SIZE];
    char kind[TEXT_SIZE];
    char fingerprint[TEXT_SIZE];
    char fetched_at[TEXT_SIZE];
    char expires_at[TEXT_SIZE];
    char forced_today[TEXT_SIZE];
};

struct token_list {
    struct token_line lines[SLOTS_MAX];
    size_t count;
};

static struct token_line *find_line(struct token_list *list, const struct token_state *t)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_eq_cstr(t->account, list->lines[i].account) &&
            str_eq_cstr(t->kind, list->lines[i].kind))
            return &list->lines[i];
    return list->count < SLOTS_MAX ? &list->lines[list->count++] : NULL;
}

static void note(struct token_list *list, const struct token_state *t)
{
    struct token_line *line = find_line(list, t);

    if (!line)
        return;
    (void)str_copy(t->account, line->account, TEXT_SIZE);
    (void)str_copy(t->kind, line->kind, TEXT_SIZE);
    (void)str_copy(t->fingerprint, line->fingerprint, TEXT_SIZE);
    (void)str_copy(t->fetched_at, line->fetched_at, TEXT_SIZE);
    (void)str_copy(t->expires_at, line->expires_at, TEXT_SIZE);
    (void)snprintf(line->forced_today, TEXT_SIZE, "%lld", (long long)t->forced_today.value);
}

static enum status read_record(const struct ctl *ctl, const struct record *record,
                               struct token_list *list, struct err *err)
{
    AUTO(json_freep) struct json *value = NULL;
    struct token_state state = {0};
    enum status rc;

    if (!str_is_set(record->value))
        return ST_OK;
    rc = json_parse(record->value, &value, err);
    if (rc == ST_OK)
        rc = token_state_parse(value, &state, err);
    if (rc == ST_OK && (!str_is_set(ctl->account) || str_eq(ctl->account, state.account)))
        note(list, &state);
    return rc;
}

static enum status read_topic(const struct ctl *ctl, struct token_list *list, struct err *err)
{
    char name[TOPIC_NAME_SIZE];
    const char *topics[] = {name};
    struct tail_conf conf = {.kafka = &ctl->settings->kafka,
                             .client_id = "kabaoctl",
                             .topics = topics,
                             .topic_count = 1,
                             .from = TAIL_BEGINNING};
    struct deadline until = deadline_in(READ_MS);
    struct tail *tail = NULL;
    enum status rc;

    topic_name(&ctl->settings->topic, TOPIC_STATE_TOKEN, NULL, name);
    rc = tail_open(&conf, deadline_in(OPEN_MS), &tail, err);
    while (rc == ST_OK && !tail_at_end(tail) && !deadline_passed(until)) {
        struct kafka_message *message = NULL;

        rc = tail_poll(tail, POLL_MS, &message, err);
        if (rc == ST_OK && message)
            rc = read_record(ctl, kafka_message_record(message), list, err);
        kafka_message_free(message);
    }
    tail_close(tail);
    return rc;
}

static int print_list(const struct ctl *ctl, const struct token_list *list)
{
    static const char *const columns[] = {"account",    "kind",         "fingerprint", "fetched_at",
                                          "expires_at", "forced_today", NULL};
    AUTO(text_table_freep) struct text_table *table = text_table_new(columns, ctl->json);
    bool good = table != NULL;

    if (list->count == 0 && !ctl->json) {
        (void)printf("no tokens: does kabao-token run?\n");
        return EXIT_DONE;
    }
    for (size_t i = 0; good && i < list->count; i++) {
        const struct token_line *line = &list->lines[i];

        good = text_table_row(
            table, (const struct str[]){str_from(line->account), str_from(line->kind),
                                        str_from(line->fingerprint), str_from(line->fetched_at),
                                        str_from(line->expires_at), str_from(line->forced_today)});
    }
    return good && text_table_print(table) ? EXIT_DONE : EXIT_INTERNAL;
}

int ctl_token(const struct ctl *ctl)
{
    struct token_list list = {.count = 0};
    struct err err = {0};
    enum status rc;

    if (strcmp(ctl->words[0], "status") != 0)
        return ctl_usage("token status");
    rc = read_topic(ctl, &list, &err);
    return rc == ST_OK ? print_list(ctl, &list) : ctl_fail(rc, &err);
}
