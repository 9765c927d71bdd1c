/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include "base/mem.h"
#include "command.h"
#include "config/secret.h"

enum { SECRET_MAX = 4096 };

/* kabao-token's file, in settings that all programs share: one that is not given to this program
 * only turns oauth.exchange off. */
static void read_app_secret(const struct account *account, struct buf *out)
{
    struct err why;

    *out = (struct buf)BUF_INIT(SECRET_MAX);
    if (account->secret_file &&
        secret_read("secret_file", account->secret_file, out, &why) != ST_OK)
        buf_clear(out);
}

static enum status read_app_secrets(struct command_state *s, const struct settings *settings,
                                    struct err *err)
{
    s->app_secrets = mem_array(settings->account_count + 1, sizeof(*s->app_secrets));
    if (!s->app_secrets)
        return err_fatal(err, "memory", "out of memory");
    s->first = settings->accounts;
    s->account_count = settings->account_count;
    for (size_t i = 0; i < s->account_count; i++)
        read_app_secret(&settings->accounts[i], &s->app_secrets[i]);
    return ST_OK;
}

static enum status read_sms_key(struct command_state *s, const struct settings_verify *settings,
                                struct err *err)
{
    AUTO(buf_done_secret) struct buf secret = BUF_INIT(SECRET_MAX);
    enum status rc;

    if (!settings->sms_url)
        return ST_OK;
    rc = secret_read("[verify] sms_secret_file", settings->sms_secret_file, &secret, err);
    if (rc != ST_OK)
        return rc;
    return webhook_key_parse("[verify] sms_secret_file", buf_str(&secret), &s->sms, err);
}

enum status command_open(void *state, const struct settings *settings, struct err *err)
{
    struct command_state *s = state;
    enum status rc = commands_open(settings, &s->types, err);

    if (rc == ST_OK)
        rc = verify_key_read(&settings->verify, &s->codes, err);
    if (rc == ST_OK)
        rc = bind_texts_open(settings, &s->texts, err);
    if (rc == ST_OK)
        rc = read_sms_key(s, &settings->verify, err);
    return rc == ST_OK ? read_app_secrets(s, settings, err) : rc;
}

void command_close(void *state)
{
    struct command_state *s = state;

    for (size_t i = 0; i < s->account_count; i++)
        buf_done_secret(&s->app_secrets[i]);
    mem_free(s->app_secrets);
    webhook_key_done(&s->sms);
    bind_texts_close(s->texts);
    verify_key_done(&s->codes);
    commands_close(s->types);
}

struct str command_app_secret(const struct command_state *state, const struct account *account)
{
    return buf_str(&state->app_secrets[account - state->first]);
}

enum status command_verify_ready(const struct command *c, struct err *err)
{
    const struct command_state *state = lane_state(c->lane);

    if (state->codes.is_set)
        return ST_OK;
    return err_reject(err, REASON_REJECTED, "verify",
                      "verification codes are off: [verify] key_file is not set");
}
