/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/bonus.h"

#include "base/hex.h"
#include "codec/crypto.h"
#include "tables/sql.h"

#include <string.h>

enum { ID_MAX = 255, ECHO_S = 600, KEY_VALUES = 3 };

#define THIS_CARD "appid=? AND card_id=? AND card_code=?"

static const char LOCK_ACCOUNT[] =
    "SELECT UTC_TIMESTAMP(3),bonus,balance,shown,shown_balance,version,rev,frozen,moved_to"
    " FROM bonus_account WHERE " THIS_CARD " FOR UPDATE";
static const char NOW[] = "SELECT UTC_TIMESTAMP(3)";
/* Without gap locks under READ COMMITTED: two who open the same account wait, and never deadlock.
 */
static const char OPEN_ACCOUNT[] =
    "INSERT INTO bonus_account (bonus,balance,shown,shown_balance,version,rev,frozen,moved_to,"
    "updated_at,appid,card_id,card_code) VALUES (?,?,?,?,?,?,?,?,UTC_TIMESTAMP(3),?,?,?)"
    " ON DUPLICATE KEY UPDATE rev=bonus_account.rev";
static const char SAVE_ACCOUNT[] =
    "UPDATE bonus_account SET bonus=?,balance=?,shown=?,shown_balance=?,version=?,rev=?,frozen=?,"
    "moved_to=?,updated_at=UTC_TIMESTAMP(3) WHERE " THIS_CARD;
static const char LOCK_ENTRY[] =
    "SELECT mode,outcome,delta,balance_delta,bonus,balance,version,rev,previous_version,error_code,"
    "error_message,request_hash,at FROM bonus_entry WHERE command_id=? FOR UPDATE";
static const char ADD_ENTRY[] =
    "INSERT INTO bonus_entry (outcome,delta,balance_delta,bonus,balance,version,rev,"
    "previous_version,error_code,error_message,at,command_id,appid,card_id,card_code,mode,"
    "request_hash) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
static const char SAVE_ENTRY[] =
    "UPDATE bonus_entry SET outcome=?,delta=?,balance_delta=?,bonus=?,balance=?,version=?,rev=?,"
    "previous_version=?,error_code=?,error_message=?,at=? WHERE command_id=?";
/* What was refused or skipped changed nothing. */
static const char ECHO[] =
    "UPDATE bonus_entry SET echoed_at=COALESCE(echoed_at,UTC_TIMESTAMP(3)),echo_id=?"
    " WHERE " THIS_CARD " AND (echo_id=? OR"
    " (at>UTC_TIMESTAMP(3)-INTERVAL ? SECOND AND delta=? AND balance_delta=?"
    " AND echoed_at IS NULL AND mode IS NOT NULL"
    " AND (outcome IS NULL OR outcome IN ('applied','failed'))))"
    " ORDER BY echo_id<=>? DESC,at LIMIT 1";
static const char LEFT[] = "SELECT COALESCE(MAX(bonus=?),0),COALESCE(MAX(balance=?),0)"
                           " FROM bonus_entry WHERE " THIS_CARD
                           " AND mode IS NOT NULL AND (outcome IS NULL OR outcome='failed')";
static const char SUM[] = "SELECT CAST(COALESCE(SUM(delta),0) AS SIGNED),"
                          "CAST(COALESCE(SUM(balance_delta),0) AS SIGNED)"
                          " FROM bonus_entry WHERE " THIS_CARD;
static const char FORGET[] =
    "DELETE FROM bonus_entry WHERE outcome IS NOT NULL AND at<UTC_TIMESTAMP(3)-INTERVAL ? DAY"
    " ORDER BY at LIMIT 500";

_Static_assert(BONUS_FORGET_ROWS == 500, "the LIMIT of FORGET");

static const struct str MODES[] = {
    [BONUS_NO_MODE] = {NULL, 0},
    [BONUS_SET] = STR_INIT("set"),
    [BONUS_ADD] = STR_INIT("add"),
    [BONUS_SYNC] = STR_INIT("sync"),
};

static const struct str OUTCOMES[] = {
    [BONUS_OPEN] = {NULL, 0},
    [BONUS_APPLIED] = STR_INIT("applied"),
    [BONUS_SKIPPED] = STR_INIT("skipped"),
    [BONUS_REJECTED] = STR_INIT("rejected"),
    [BONUS_OBSERVED] = STR_INIT("observed"),
    [BONUS_UNKNOWN] = STR_INIT("unknown"),
    [BONUS_FAILED] = STR_INIT("failed"),
};

struct str bonus_mode_name(enum bonus_mode mode)
{
    return MODES[mode];
}

enum bonus_mode bonus_mode_of(struct str name)
{
    for (size_t i = BONUS_SET; i < COUNT_OF(MODES); i++)
        if (str_eq(name, MODES[i]))
            return (enum bonus_mode)i;
    return BONUS_NO_MODE;
}

struct str bonus_outcome_name(enum bonus_outcome outcome)
{
    return OUTCOMES[outcome];
}

static enum bonus_outcome outcome_of(struct str name)
{
    for (size_t i = BONUS_APPLIED; i < COUNT_OF(OUTCOMES); i++)
        if (str_eq(name, OUTCOMES[i]))
            return (enum bonus_outcome)i;
    return BONUS_OPEN;
}

struct str bonus_id(struct str command_id, char room[BONUS_ID_ROOM])
{
    uint8_t hash[SHA256_LEN];

    if (command_id.len <= ID_MAX && !str_ends(command_id, STR(" ")))
        return command_id;
    sha256(command_id, hash);
    hex_format(hash, sizeof(hash), room);
    return str_of(room, BONUS_ID_ROOM - 1);
}

_Static_assert(BONUS_ID_ROOM == 2 * SHA256_LEN + 1, "what it holds");

static struct opt_i64 opt_of(const struct db_value *column)
{
    return (struct opt_i64){column->type == DB_INT, sql_int(column, 0)};
}

static struct db_value opt_value(struct opt_i64 value)
{
    return value.set ? db_int(value.value) : db_null();
}

/* "" is NULL. */
static struct db_value text_value(const char *text)
{
    return text[0] ? db_text(str_from(text)) : db_null();
}

static void set_key(struct db_value values[KEY_VALUES], const struct bonus_key *key)
{
    values[0] = db_text(key->appid);
    values[1] = db_text(key->card_id);
    values[2] = db_text(key->card_code);
}

/* Accounts */

static enum status keep_account(void *arg, const struct db_value *columns, size_t count UNUSED,
                                struct err *err UNUSED)
{
    struct bonus_account *account = arg;

    *account = (struct bonus_account){
        .found = true,
        .now_ms = sql_int(&columns[0], 0),
        .bonus = sql_int(&columns[1], 0),
        .balance = opt_of(&columns[2]),
        .shown = opt_of(&columns[3]),
        .shown_balance = opt_of(&columns[4]),
        .version = opt_of(&columns[5]),
        .rev = sql_int(&columns[6], 0),
        .frozen = sql_int(&columns[7], 0) != 0,
    };
    (void)str_copy(sql_text(&columns[8]), account->moved_to, sizeof(account->moved_to));
    return ST_OK;
}

static enum status keep_now(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err UNUSED)
{
    int64_t *now_ms = arg;

    *now_ms = sql_int(&columns[0], 0);
    return ST_OK;
}

enum status bonus_account_lock(struct db *tx, const struct bonus_key *key,
                               struct bonus_account *out, struct err *err)
{
    struct bonus_account found = {0};
    struct db_value values[KEY_VALUES];
    enum status rc;

    set_key(values, key);
    rc = db_query(tx, STR(LOCK_ACCOUNT), values, COUNT_OF(values), keep_account, &found, err);
    if (rc == ST_OK && !found.found)
        rc = db_query(tx, STR(NOW), NULL, 0, keep_now, &found.now_ms, err);
    if (rc == ST_OK)
        *out = found;
    return rc;
}

static enum status write_account(struct db *tx, struct str sql, const struct bonus_key *key,
                                 const struct bonus_account *a, struct err *err)
{
    struct db_value values[8 + KEY_VALUES] = {
        db_int(a->bonus),      opt_value(a->balance),
        opt_value(a->shown),   opt_value(a->shown_balance),
        opt_value(a->version), db_int(a->rev),
        db_int(a->frozen),     text_value(a->moved_to),
    };

    set_key(values + 8, key);
    return db_exec(tx, sql, values, COUNT_OF(values), NULL, err);
}

enum status bonus_account_open(struct db *tx, const struct bonus_key *key,
                               struct bonus_account *account, struct err *err)
{
    enum status rc = write_account(tx, STR(OPEN_ACCOUNT), key, account, err);

    return rc == ST_OK ? bonus_account_lock(tx, key, account, err) : rc;
}

enum status bonus_account_save(struct db *tx, const struct bonus_key *key,
                               const struct bonus_account *account, struct err *err)
{
    return write_account(tx, STR(SAVE_ACCOUNT), key, account, err);
}

/* Entries */

static enum status keep_entry(void *arg, const struct db_value *columns, size_t count UNUSED,
                              struct err *err UNUSED)
{
    struct bonus_entry *entry = arg;

    *entry = (struct bonus_entry){
        .found = true,
        .mode = bonus_mode_of(sql_text(&columns[0])),
        .outcome = outcome_of(sql_text(&columns[1])),
        .delta = sql_int(&columns[2], 0),
        .balance_delta = sql_int(&columns[3], 0),
        .bonus = opt_of(&columns[4]),
        .balance = opt_of(&columns[5]),
        .version = opt_of(&columns[6]),
        .rev = opt_of(&columns[7]),
        .previous_version = opt_of(&columns[8]),
        .at_ms = sql_int(&columns[12], 0),
    };
    (void)str_copy(sql_text(&columns[9]), entry->error_code, sizeof(entry->error_code));
    (void)str_copy(sql_text(&columns[10]), entry->error_message, sizeof(entry->error_message));
    (void)str_copy(sql_text(&columns[11]), entry->request_hash, sizeof(entry->request_hash));
    return ST_OK;
}

enum status bonus_entry_lock(struct db *tx, struct str command_id, struct bonus_entry *out,
                             struct err *err)
{
    const struct db_value values[] = {db_text(command_id)};
    struct bonus_entry found = {0};
    enum status rc = db_query(tx, STR(LOCK_ENTRY), values, 1, keep_entry, &found, err);

    if (rc == ST_OK)
        *out = found;
    return rc;
}

enum { SAVED_VALUES = 11 };

static void set_saved(struct db_value values[SAVED_VALUES], const struct bonus_entry *e)
{
    const struct db_value saved[SAVED_VALUES] = {
        db_text(bonus_outcome_name(e->outcome)),
        db_int(e->delta),
        db_int(e->balance_delta),
        opt_value(e->bonus),
        opt_value(e->balance),
        opt_value(e->version),
        opt_value(e->rev),
        opt_value(e->previous_version),
        text_value(e->error_code),
        text_value(e->error_message),
        db_time(e->at_ms),
    };

    memcpy(values, saved, sizeof(saved));
}

enum status bonus_entry_add(struct db *tx, struct str command_id, const struct bonus_key *key,
                            const struct bonus_entry *entry, struct err *err)
{
    struct db_value values[SAVED_VALUES + 3 + KEY_VALUES];
    enum status rc;

    set_saved(values, entry);
    values[SAVED_VALUES] = db_text(command_id);
    set_key(values + SAVED_VALUES + 1, key);
    values[SAVED_VALUES + 1 + KEY_VALUES] = db_text(bonus_mode_name(entry->mode));
    values[SAVED_VALUES + 2 + KEY_VALUES] = text_value(entry->request_hash);
    rc = db_exec(tx, STR(ADD_ENTRY), values, COUNT_OF(values), NULL, err);
    if (rc == ST_REJECT && strcmp(err->code, "mysql:1062") == 0)
        return err_retry(err, "bonus:id", "another card has a change of this id just now");
    return rc;
}

enum status bonus_entry_save(struct db *tx, struct str command_id, const struct bonus_entry *entry,
                             struct err *err)
{
    struct db_value values[SAVED_VALUES + 1];

    set_saved(values, entry);
    values[SAVED_VALUES] = db_text(command_id);
    return db_exec(tx, STR(SAVE_ENTRY), values, COUNT_OF(values), NULL, err);
}

enum status bonus_entry_echo(struct db *tx, const struct bonus_key *key,
                             const struct bonus_echo *echo, bool *found, struct err *err)
{
    struct db_value values[1 + KEY_VALUES + 5];
    int64_t matched = 0;
    enum status rc;
    size_t i = 1 + KEY_VALUES;

    values[0] = db_text(echo->id);
    set_key(values + 1, key);
    values[i++] = db_text(echo->id);
    values[i++] = db_int(ECHO_S);
    values[i++] = db_int(echo->delta);
    values[i++] = db_int(echo->balance_delta);
    values[i++] = db_text(echo->id);
    rc = db_exec(tx, STR(ECHO), values, COUNT_OF(values), &matched, err);
    if (rc == ST_OK)
        *found = matched > 0;
    return rc;
}

static enum status keep_left(void *arg, const struct db_value *columns, size_t count UNUSED,
                             struct err *err UNUSED)
{
    bool *left = arg;

    left[0] = sql_int(&columns[0], 0) != 0;
    left[1] = sql_int(&columns[1], 0) != 0;
    return ST_OK;
}

enum status bonus_entry_left(struct db *tx, const struct bonus_key *key, struct opt_i64 shown[2],
                             bool left[2], struct err *err)
{
    struct db_value values[2 + KEY_VALUES] = {opt_value(shown[0]), opt_value(shown[1])};

    set_key(values + 2, key);
    return db_query(tx, STR(LEFT), values, COUNT_OF(values), keep_left, left, err);
}

struct sums {
    int64_t delta;
    int64_t balance_delta;
};

static enum status keep_sums(void *arg, const struct db_value *columns, size_t count UNUSED,
                             struct err *err UNUSED)
{
    struct sums *sums = arg;

    sums->delta = sql_int(&columns[0], 0);
    sums->balance_delta = sql_int(&columns[1], 0);
    return ST_OK;
}

enum status bonus_entry_sum(struct db *tx, const struct bonus_key *key, int64_t *delta,
                            int64_t *balance_delta, struct err *err)
{
    struct sums sums = {0};
    struct db_value values[KEY_VALUES];
    enum status rc;

    set_key(values, key);
    rc = db_query(tx, STR(SUM), values, COUNT_OF(values), keep_sums, &sums, err);
    if (rc == ST_OK) {
        *delta = sums.delta;
        *balance_delta = sums.balance_delta;
    }
    return rc;
}

enum status bonus_entry_forget(struct db *tx, int64_t *deleted, struct err *err)
{
    const struct db_value values[] = {db_int(BONUS_KEPT_DAYS)};

    return db_exec(tx, STR(FORGET), values, 1, deleted, err);
}
