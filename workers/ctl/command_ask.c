/* SPDX-License-Identifier: Apache-2.0 */
#include "command_ask.h"

#include "app/app.h"
#include "codec/jsonw.h"
#include "command_show.h"
#include "show.h"

#include <stdio.h>

enum { WAIT_DEFAULT_S = 30, VALUE_MAX = 1 << 20 };

int command_asker_open_for(struct command_asker *a, const struct ctl *ctl,
                           const struct account *account)
{
    struct err err = {0};
    enum status rc;

    *a = (struct command_asker){.ctl = ctl, .account = account};
    rc = results_open(ctl->settings, TAIL_END, 0, &a->results, &err);
    return rc == ST_OK ? EXIT_DONE : ctl_fail(rc, &err);
}

int command_asker_open(struct command_asker *a, const struct ctl *ctl)
{
    const struct account *account = NULL;
    const int code = ctl_account(ctl, &account);

    if (code == EXIT_DONE)
        return command_asker_open_for(a, ctl, account);
    *a = (struct command_asker){.ctl = ctl};
    return code;
}

void command_asker_close(struct command_asker *a)
{
    results_close(a->results);
    a->results = NULL;
}

static void write_value(const struct command_asker *a, const char *type, struct str body,
                        int64_t wait_ms, struct buf *out)
{
    struct jsonw w = {.out = out};
    char deadline[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(clock_wall_ms() + wait_ms, deadline);
    jsonw_object(&w);
    jsonw_key_str(&w, "account", str_from(a->account->name));
    jsonw_key_str(&w, "type", str_from(type));
    if (str_is_set(body)) {
        jsonw_key(&w, STR("body"));
        jsonw_raw(&w, body);
    }
    if (!a->goes_on)
        jsonw_key_str(&w, "deadline", str_from(deadline));
    jsonw_object_end(&w);
}

static int tell_silence(const struct command_asker *a, const char *type, const char *id,
                        int64_t wait_ms)
{
    if (a->goes_on)
        (void)fprintf(stderr, "kabaoctl: %s goes on; 'kabaoctl command wait %s' tells its end\n",
                      type, id);
    (void)fprintf(stderr, "kabaoctl: %s: no answer within %lld s: does kabao-command run?\n", type,
                  (long long)wait_ms / 1000);
    return EXIT_TEMPORARY;
}

int command_ask(struct command_asker *a, const char *type, struct str body,
                struct command_result *out)
{
    AUTO(buf_done) struct buf value = BUF_INIT(VALUE_MAX);
    const int64_t wait_ms = (a->ctl->wait_s > 0 ? a->ctl->wait_s : WAIT_DEFAULT_S) * 1000;
    const struct deadline until = deadline_in(wait_ms);
    char id[COMMAND_ID_SIZE];
    struct command_out sent = {.account = a->account, .type = str_from(type)};
    struct command_place unused = {0};
    struct err err = {0};
    enum status rc;

    command_id_make(id);
    write_value(a, type, body, wait_ms, &value);
    if (!buf_ok(&value))
        return EXIT_INTERNAL;
    sent.id = str_from(id);
    sent.key = sent.id;
    sent.value = buf_str(&value);
    rc = command_send(a->ctl->settings, &sent, &unused, &err);
    if (rc == ST_OK)
        rc = results_await(a->results, sent.id, true, until, out, &err);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return str_is_set(out->command_id) ? EXIT_DONE : tell_silence(a, type, id, wait_ms);
}

/* "kabaoctl: menu.create: rejected, wechat:40018: invalid button name size" */
static void tell_outcome(const char *type, const struct command_result *r)
{
    AUTO(json_freep) struct json *error = NULL;
    struct err unseen = {0};

    if (str_is_set(r->error) && json_parse(r->error, &error, &unseen) != ST_OK)
        error = NULL;
    (void)fprintf(stderr, "kabaoctl: %s: ", type);
    show_bytes_to(stderr, r->outcome);
    (void)fprintf(stderr, ", ");
    show_bytes_to(stderr, json_get_str(error, "code"));
    (void)fprintf(stderr, ": ");
    show_bytes_to(stderr, str_is_set(r->errmsg) ? r->errmsg : json_get_str(error, "message"));
    (void)fprintf(stderr, "\n");
}

int command_answer(const char *type, const struct command_result *r, struct json **answer)
{
    struct err err = {0};
    const int code = command_exit_code(r);

    if (code != EXIT_DONE || (!str_is_set(r->answer) && str_is_set(r->error))) {
        tell_outcome(type, r);
        return code != EXIT_DONE ? code : EXIT_CONFIG;
    }
    *answer = NULL;
    if (!str_is_set(r->answer) || json_parse(r->answer, answer, &err) == ST_OK)
        return EXIT_DONE;
    (void)fprintf(stderr, "kabaoctl: %s: %s\n", type, err.text);
    return EXIT_TEMPORARY;
}
