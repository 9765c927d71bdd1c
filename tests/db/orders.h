/* SPDX-License-Identifier: Apache-2.0 */
/* Commands as the tests of the accounts of points make them. Each function runs twice, as the
 * writer may do. */
#pragma once

#include "tables/bonus_ledger.h"
#include "tests/db/scratch.h"

#define ABSENT  \
    {           \
        NULL, 0 \
    }

enum { SHOWN = 460, HASH_SIZE = 65 };

extern const struct bonus_seen CARD; /* SHOWN points, no balance */

struct orders {
    struct scratch scratch;
    struct db *db;
};

void orders_open(struct orders *l, char **arguments); /* see scratch_open; with all tables */
void orders_close(struct orders *l);
int orders_begin(void **state); /* of cmocka: empty tables */

/* One command, and what became of it. */
struct order {
    struct bonus_command command;
    struct bonus_word word;
    char hash[HASH_SIZE];
    struct bonus_state state;
    enum bonus_verdict verdict;
};

void order_init(struct order *o, const char *id, const char *code, const char *mode);
/* Not a command. */
void order_clear(struct order *o, const char *id, const char *code, const struct bonus_seen *card);
struct order order_add(const char *id, const char *code, int64_t bonus);
struct order order_set(const char *id, const char *code, int64_t bonus, int64_t version);

enum bonus_verdict order_take(const struct orders *l, struct order *o);
void order_done(const struct orders *l, struct order *o);
void order_refuse(const struct orders *l, struct order *o);
void order_fail(const struct orders *l, struct order *o);

struct bonus_key orders_key(const char *code);
struct bonus_account orders_account(const struct orders *l, const char *code);
void assert_account(const struct orders *l, const char *code, int64_t bonus, int64_t rev);
void assert_entry(const struct order *o, enum bonus_outcome outcome, int64_t delta, int64_t bonus);
