/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of all accounts as state.token has them: filled by the tail, read by every lane,
 * waited for by those that need a newer one. Thread-safe. */
#pragma once

#include "base/err.h"
#include "base/header.h"
#include "config/settings.h"
#include "metrics/metrics.h"
#include "model/token.h"
#include "wechat/client.h"
#include "wechat/seal.h"

#include <stdbool.h>

struct tokens;

/* One account's token of one kind, in clear, in memory. */
struct token_entry {
    struct token token;    /* empty text: none yet */
    int64_t expires_at_ms; /* wall, as the next three */
    int64_t fetched_at_ms;
    int64_t forced_at_ms; /* 0: never */
    int64_t forced_today; /* of the day (UTC+8) of forced_at_ms */
};

/* key is copied. NULL: no memory. */
struct tokens *tokens_new(const struct settings *settings, const struct seal_key *key);
void tokens_free(struct tokens *t); /* wipes */
DECLARE_FREEP(struct tokens, tokens_free)

/* Takes a record of state.token over; one that was fetched earlier than what is held is ignored.
 * ST_REJECT: it cannot be opened (another seal key, damaged); the old one stays. */
MUST_CHECK enum status tokens_apply(struct tokens *t, struct str record_key,
                                    const struct token_state *state, struct err *err);
/* The same from a record as Kafka holds it; a tombstone changes nothing. ST_REJECT also when it
 * cannot be read; ST_RETRY: no memory. */
MUST_CHECK enum status tokens_take(struct tokens *t, struct str record_key,
                                   const struct header *headers, size_t header_count,
                                   struct str value, struct err *err);
/* A copy; false when there is none. */
bool tokens_get(struct tokens *t, const struct account *account, enum token_kind kind,
                struct token_entry *out);
/* Puts an entry without Kafka: what the leader has just produced. */
void tokens_put(struct tokens *t, const struct account *account, enum token_kind kind,
                const struct token_entry *entry);
/* struct wechat_env.token. */
MUST_CHECK enum status tokens_wait(struct tokens *t, const struct account *account,
                                   enum token_kind kind, const char *older, struct deadline until,
                                   struct token *out, struct err *err);
/* True for the first caller per fingerprint (and again after a minute, should the request be lost).
 */
bool tokens_report_bad(struct tokens *t, const struct account *account, enum token_kind kind,
                       const char *fingerprint);
/* Whether tokens_report_bad would say no; nothing is noted. */
bool tokens_is_reported(struct tokens *t, const struct account *account, enum token_kind kind,
                        const char *fingerprint);
/* Sets METRIC_TOKEN_AGE. */
void tokens_collect(struct tokens *t, struct metrics *metrics);
/* The seal key, for the one who seals. */
const struct seal_key *tokens_seal_key(const struct tokens *t);
