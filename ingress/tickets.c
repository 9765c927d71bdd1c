/* SPDX-License-Identifier: Apache-2.0 */
/* Follows state.token from its beginning; what was read stays when the broker is away. */
#include "tickets.h"

#include "base/mem.h"
#include "http/loops.h"
#include "kafka/tail.h"
#include "kafka/topics.h"
#include "log/log.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { OPEN_MS = 2000, POLL_MS = 100, NAP_NS = 100000000 };

struct tickets {
    const struct settings *settings;
    struct tokens *tokens;
    struct loops *thread;
    struct tail *tail; /* the thread's; NULL: to be opened */
    struct log_limit limit;
    atomic_bool stopping;
    atomic_bool read;
};

static enum status open_tail(struct tickets *t, struct err *err)
{
    char name[TOPIC_NAME_SIZE];
    const char *topics[] = {name};
    const struct tail_conf conf = {
        .kafka = &t->settings->kafka,
        .client_id = "kabao-ingress",
        .topics = topics,
        .topic_count = 1,
        .from = TAIL_BEGINNING,
    };

    topic_name(&t->settings->topic, TOPIC_STATE_TOKEN, NULL, name);
    return tail_open(&conf, deadline_in(OPEN_MS), &t->tail, err);
}

static enum status take(struct tokens *tokens, const struct record *record, struct err *err)
{
    return tokens_take(tokens, record->key, record->headers, record->header_count, record->value,
                       err);
}

static enum status follow(struct tickets *t, struct err *err)
{
    struct kafka_message *message = NULL;
    enum status rc = tail_poll(t->tail, POLL_MS, &message, err);

    if (rc == ST_OK && message)
        rc = take(t->tokens, kafka_message_record(message), err);
    kafka_message_free(message);
    if (tail_at_end(t->tail))
        atomic_store(&t->read, true);
    return rc;
}

/* One that the library has given up is opened anew. */
static void step(struct tickets *t)
{
    struct err err = {0};
    enum status rc = t->tail ? follow(t, &err) : open_tail(t, &err);

    if (rc == ST_OK)
        return;
    if (log_limit(&t->limit, NULL))
        log_warn(EV(t->tail ? "state_token.unreadable" : "state_token.waits"),
                 kv_cstr("code", err.code), kv_cstr("error", err.text));
    if (rc == ST_FATAL) {
        tail_close(t->tail);
        t->tail = NULL;
    }
    if (!t->tail)
        (void)nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
}

static void tickets_main(void *arg)
{
    struct tickets *t = arg;

    while (!atomic_load(&t->stopping))
        step(t);
    tail_close(t->tail);
}

static enum status start(const struct settings *settings, const struct seal_key *key,
                         struct tickets **out, struct err *err)
{
    struct tickets *t = mem_zalloc(sizeof(*t));
    void *args[] = {t};
    enum status rc;

    if (!t)
        return err_fatal(err, "memory", "out of memory");
    t->settings = settings;
    t->tokens = tokens_new(settings, key);
    rc = t->tokens ? loops_start(tickets_main, args, 1, &t->thread, err)
                   : err_fatal(err, "memory", "out of memory");
    if (rc != ST_OK) {
        tickets_close(t);
        return rc;
    }
    *out = t;
    return ST_OK;
}

enum status tickets_open(const struct settings *settings, struct tickets **out, struct err *err)
{
    struct seal_key key = {0};
    struct err why = {0};
    enum status rc;

    *out = NULL;
    if (seal_key_read(&settings->token, &key, &why) != ST_OK) {
        log_warn(EV("api.tickets_off"), kv_cstr("error", why.text));
        return ST_OK;
    }
    rc = start(settings, &key, out, err);
    seal_key_done(&key);
    return rc;
}

void tickets_close(struct tickets *t)
{
    if (!t)
        return;
    atomic_store(&t->stopping, true);
    loops_join(t->thread);
    tokens_free(t->tokens);
    mem_free(t);
}

bool tickets_are_read(const struct tickets *t)
{
    return atomic_load(&t->read);
}

bool tickets_get(struct tickets *t, const struct account *account, enum token_kind kind,
                 struct token_entry *out)
{
    if (tokens_get(t->tokens, account, kind, out) && out->expires_at_ms > clock_wall_ms())
        return true;
    explicit_bzero(out, sizeof(*out));
    return false;
}

bool tickets_is_news(struct tickets *t, const struct account *account, struct str token,
                     char fingerprint[FINGERPRINT_SIZE])
{
    struct token_entry entry;
    bool current;

    token_fingerprint(token, fingerprint);
    current = tokens_get(t->tokens, account, TOKEN_ACCESS, &entry) &&
              strcmp(entry.token.fingerprint, fingerprint) == 0;
    explicit_bzero(&entry, sizeof(entry));
    return current && !tokens_is_reported(t->tokens, account, TOKEN_ACCESS, fingerprint);
}

bool tickets_told(struct tickets *t, const struct account *account, struct str token)
{
    char fingerprint[FINGERPRINT_SIZE];

    token_fingerprint(token, fingerprint);
    return tokens_report_bad(t->tokens, account, TOKEN_ACCESS, fingerprint);
}
