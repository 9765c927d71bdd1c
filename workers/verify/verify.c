/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify.h"

#include "base/hex.h"
#include "base/rand.h"
#include "codec/base64.h"
#include "config/secret.h"
#include "model/id.h"
#include "tables/verify_code.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KEY_TEXT_MAX = 1024, MS = 1000 };

#define REMEDY "make one with openssl rand -base64 32"

/* The key */

enum status verify_key_read(const struct settings_verify *settings, struct verify_key *out,
                            struct err *err)
{
    AUTO(buf_done_secret) struct buf text = BUF_INIT(KEY_TEXT_MAX);
    AUTO(buf_done_secret) struct buf bytes = BUF_INIT(KEY_TEXT_MAX);
    enum status rc;

    if (!settings->key_file) {
        *out = (struct verify_key){0};
        return ST_OK;
    }
    rc = secret_read("[verify] key_file", settings->key_file, &text, err);
    if (rc != ST_OK)
        return rc;
    if (!base64_parse(buf_str(&text), &bytes) || bytes.len != sizeof(out->bytes))
        return err_fatal(err, "setting", "[verify] key_file %s: not 32 bytes as Base64: " REMEDY,
                         settings->key_file);
    memcpy(out->bytes, bytes.ptr, sizeof(out->bytes));
    out->is_set = true;
    return ST_OK;
}

void verify_key_done(struct verify_key *key)
{
    explicit_bzero(key, sizeof(*key));
}

static struct verify_of of_row(const struct verify_row *row)
{
    return (struct verify_of){
        .appid = row->appid,
        .openid = row->openid,
        .purpose = row->purpose,
        .nonce = row->nonce,
    };
}

/* Making */

/* The texts of a row. */
struct draft {
    char nonce[VERIFY_NONCE_SIZE];
    char hash[2 * SHA256_LEN + 1];
    struct id made_by;
};

static void name_maker(struct str identity, struct id *out)
{
    id_derive(identity, STR("verify code"), out);
}

static struct verify_row draft_row(const struct verify_key *key, const struct verify_order *order,
                                   struct draft *d)
{
    char code[VERIFY_CODE_SIZE];
    uint8_t chance[VERIFY_NONCE_LEN];
    struct verify_row row = {
        .appid = order->appid,
        .openid = order->openid,
        .purpose = order->purpose,
        .hash = str_of(d->hash, sizeof(d->hash) - 1),
        .nonce = str_of(d->nonce, sizeof(d->nonce) - 1),
        .made_by = str_of(d->made_by.text, ID_LEN),
        .tries_max = order->attempts,
        .made_at_ms = clock_wall_ms(),
    };
    struct verify_of of;

    rand_bytes(chance, sizeof(chance));
    hex_format(chance, sizeof(chance), d->nonce);
    name_maker(order->identity, &d->made_by);
    row.expires_at_ms = row.made_at_ms + order->ttl_s * MS;
    of = of_row(&row);
    verify_code_make(key, &of, code);
    verify_code_hash(key, &of, str_from(code), d->hash);
    explicit_bzero(code, sizeof(code));
    return row;
}

/* One run of verify_put; the writer may repeat it. */
struct putting {
    struct arena *arena;
    struct verify_limits limits;
    struct verify_row draft;
    struct verify_row row; /* what stands */
    enum verify_new what;
};

/* writer_fn */
static enum status put(struct db *tx, void *arg, struct err *err)
{
    struct putting *p = arg;

    p->row = p->draft;
    return verify_put(tx, p->arena, &p->limits, &p->row, &p->what, err);
}

static enum status judge_same(const struct verify_row *row, struct err *err)
{
    if (row->expires_at_ms <= clock_wall_ms())
        return err_reject(err, REASON_EXPIRED, "verify:over",
                          "the code expired before it was delivered");
    if (row->tries_max == 0)
        return err_reject(err, REASON_REJECTED, "verify:over", "the code could not be delivered");
    return ST_OK;
}

static enum status judge_new(const struct putting *p, struct err *err)
{
    switch (p->what) {
    case VERIFY_NEW: break;
    case VERIFY_SAME: return judge_same(&p->row, err);
    case VERIFY_TOO_SOON:
        return err_reject(err, REASON_REJECTED, "verify:resend",
                          "the last code for this purpose is not %" PRId64 " s old",
                          p->limits.resend_ms / MS);
    case VERIFY_OPENID_FULL:
        return err_reject(err, REASON_REJECTED, "verify:limit",
                          "the openid has had its %" PRId64 " codes for today",
                          p->limits.per_openid_day);
    case VERIFY_ACCOUNT_FULL:
        return err_reject(err, REASON_REJECTED, "verify:limit",
                          "the account has sent its %" PRId64 " codes for today",
                          p->limits.per_account_day);
    }
    return ST_OK;
}

static bool is_right(const struct verify_key *key, const struct verify_row *row, struct str code)
{
    char hash[2 * SHA256_LEN + 1];
    const struct verify_of of = of_row(row);

    verify_code_hash(key, &of, code, hash);
    return crypto_equal(str_from(hash), row->hash);
}

/* Made by another key it would be another code, and never right. */
static enum status hand_out(const struct verify_key *key, const struct verify_row *row,
                            struct verify_code *out, struct err *err)
{
    const struct verify_of of = of_row(row);
    char code[VERIFY_CODE_SIZE];
    const bool is_used = row->tries >= row->tries_max;
    enum status rc = ST_OK;

    verify_code_make(key, &of, code);
    if (!is_used && !is_right(key, row, str_from(code)))
        rc = err_reject(err, REASON_REJECTED, "verify:over",
                        "the code was made with another [verify] key_file");
    else
        *out = (struct verify_code){.expires_at_ms = row->expires_at_ms, .is_used = is_used};
    if (rc == ST_OK && !is_used)
        memcpy(out->text, code, sizeof(code));
    explicit_bzero(code, sizeof(code));
    return rc;
}

enum status verify_begin(struct lane *lane, const struct verify_key *key,
                         const struct verify_order *order, struct verify_code *out, struct err *err)
{
    const struct settings_verify *settings = &lane_settings(lane)->verify;
    struct draft draft = {"", "", {""}};
    struct putting p = {
        .arena = lane_arena(lane),
        .limits = {settings->resend_s * MS, settings->per_openid_day, settings->per_account_day},
        .draft = draft_row(key, order, &draft),
    };
    enum status rc = lane_run(lane, put, &p, err);

    if (rc == ST_RETRY) { /* nothing was sent */
        const struct err why = *err;

        rc = err_wait(err, "mysql", deadline_in(MS), "%s", why.text);
    }
    if (rc == ST_OK)
        rc = judge_new(&p, err);
    return rc == ST_OK ? hand_out(key, &p.row, out, err) : rc;
}

/* writer_fn */
static enum status withdraw(struct db *tx, void *arg, struct err *err)
{
    return verify_void(tx, arg, err);
}

enum status verify_withdraw(struct lane *lane, const struct verify_order *order, struct err *err)
{
    struct id made_by = {""};
    struct verify_row row = {
        .appid = order->appid,
        .openid = order->openid,
        .purpose = order->purpose,
        .made_by = str_of(made_by.text, ID_LEN),
    };

    name_maker(order->identity, &made_by);
    return lane_run(lane, withdraw, &row, err);
}

/* Checking */

enum status verify_judge(struct db *tx, struct arena *arena, const struct verify_key *key,
                         const struct verify_try *t, bool *right, struct err *err)
{
    struct verify_row row = {.appid = t->appid, .openid = t->openid, .purpose = t->purpose};
    bool found = false;
    enum status rc = verify_load(tx, arena, &row, &found, err);

    if (rc != ST_OK)
        return rc;
    *right = false;
    if (!found || row.tries >= row.tries_max || row.expires_at_ms <= clock_wall_ms())
        return ST_OK;
    if (!is_right(key, &row, t->code))
        return verify_miss(tx, &row, err);
    rc = verify_use(tx, &row, err);
    *right = rc == ST_OK;
    return rc;
}
