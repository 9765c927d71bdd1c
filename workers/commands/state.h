/* SPDX-License-Identifier: Apache-2.0 */
/* What kabao-command opens at its start, for all lanes: read, never changed. */
#pragma once

#include "bind/texts.h"
#include "codec/webhook.h"
#include "verify/verify.h"
#include "wechat/commands.h"

struct command_state {
    struct commands *types;
    struct verify_key codes;     /* not set: no verify.* */
    struct bind_texts *texts;    /* what a code is sent with */
    struct webhook_key sms;      /* signs the calls of [verify] sms_url */
    const struct account *first; /* of the settings */
    struct buf *app_secrets;     /* of each account; empty: none */
    size_t account_count;
};

/* worker_def.open and close. ST_FATAL: a file of [verify] or bind_texts_file that is
 * named and cannot be read. */
MUST_CHECK enum status command_open(void *state, const struct settings *settings, struct err *err);
void command_close(void *state);

/* Of an account of these settings; empty: it has none. */
struct str command_app_secret(const struct command_state *state, const struct account *account);

struct command;

/* ST_REJECT, code "verify", where verification codes are off. */
MUST_CHECK enum status command_verify_ready(const struct command *c, struct err *err);
