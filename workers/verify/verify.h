/* SPDX-License-Identifier: Apache-2.0 */
/* One verification code: six digits, made once for whoever asks, kept as a keyed hash.
 *
 *   code = HMAC(key, "code" nonce appid openid purpose), nonce 16 bytes of chance (code.h)
 *
 * so that an attempt that was cut sends the same code again, and neither a table nor a topic has it
 * in clear. kabao-bind and kabao-command share it. */
#pragma once

#include "run/lane.h"
#include "verify/code.h"

enum { VERIFY_PURPOSE_MAX = 64 };

/* 32 bytes as Base64, or is_set false where there is no file. ST_FATAL names the setting. */
MUST_CHECK enum status verify_key_read(const struct settings_verify *settings,
                                       struct verify_key *out, struct err *err);
void verify_key_done(struct verify_key *key);

/* Who gets a code, for what. */
struct verify_order {
    struct str appid;
    struct str openid;
    struct str purpose;
    struct str identity; /* of the command or push that asks: one code, however often it runs */
    int64_t ttl_s;
    int64_t attempts;
};

struct verify_code {
    char text[VERIFY_CODE_SIZE]; /* the caller's to wipe (explicit_bzero) */
    int64_t expires_at_ms;
    bool is_used; /* and so was delivered: text is empty, nothing is to be sent */
};

/* Makes the code, or finds the one that this identity made; an older one for the same openid and
 * purpose is void from then on. ST_REJECT with code "verify:resend", "verify:limit" (openid or
 * account have had theirs for today), "verify:over" (this identity's was withdrawn, made with
 * another key, or, with REASON_EXPIRED, expired). One whose code was replaced makes another.
 * ST_WAIT: MySQL. Not fenced: call it inside the call of an effect. */
MUST_CHECK enum status verify_begin(struct lane *lane, const struct verify_key *key,
                                    const struct verify_order *order, struct verify_code *out,
                                    struct err *err);
/* Nobody could be given it: it is void, the limits stay spent. */
MUST_CHECK enum status verify_withdraw(struct lane *lane, const struct verify_order *order,
                                       struct err *err);

struct verify_try {
    struct str appid;
    struct str openid;
    struct str purpose;
    struct str code;
};

/* For step.decide: one try. Compares in constant time; right: the code is used up; wrong: counted,
 * and after the last one nothing is right any more; expired, none: wrong. */
MUST_CHECK enum status verify_judge(struct db *tx, struct arena *arena,
                                    const struct verify_key *key, const struct verify_try *t,
                                    bool *right, struct err *err);
