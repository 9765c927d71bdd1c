/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl command send|wait: a record on cmd.wechat, and what becomes of it. */
#include "app/app.h"
#include "codec/utf8.h"
#include "command_show.h"
#include "command_wire.h"
#include "config/secret.h"
#include "ctl.h"
#include "show.h"
#include "wechat/commands.h"

#include <stdio.h>
#include <string.h>

enum {
    ID_MAX = 255, /* of command_result */
    BODY_MAX = 1 << 20,
    VALUE_MAX = BODY_MAX + 1024,
    CHUNK = 1 << 16,
    LINE_MAX_BYTES = 64 << 20,
    WAIT_DEFAULT_S = 30,
    SINCE_DEFAULT_MS = 15 * 60 * 1000,
};

/* What is sent */

struct sending {
    const struct ctl *ctl;
    struct commands *commands;
    const struct command_type *type;
    struct command_out out;
    char id[COMMAND_ID_SIZE];
    struct buf body;
    struct buf value;
};

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.ptr[i] < 0x20)
            return false;
    return id.len > 0 && id.len <= ID_MAX && utf8_valid(id);
}

static int choose_account(struct sending *s)
{
    return ctl_account(s->ctl, &s->out.account);
}

/* By chance where the command line says nothing; the key is the id then, too. */
static int choose_id(struct sending *s)
{
    command_id_make(s->id);
    s->out.id = str_is_set(s->ctl->id) ? s->ctl->id : str_from(s->id);
    s->out.key = str_is_set(s->ctl->key) ? s->ctl->key : s->out.id;
    if (!is_id(s->out.id))
        return ctl_usage("an id has 1 to 255 characters");
    return s->out.key.len > 0 ? EXIT_DONE : ctl_usage("an empty key");
}

static int choose_type(struct sending *s)
{
    struct err err = {0};
    enum status rc = commands_open(s->ctl->settings, &s->commands, &err);

    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    s->out.type = str_from(s->ctl->words[0]);
    s->type = commands_find(s->commands, s->out.type);
    return s->type ? EXIT_DONE
                   : ctl_usage("there is no such command; 'kabaoctl command types' lists them");
}

static bool read_stdin(struct buf *out)
{
    for (;;) {
        char *room = buf_room(out, CHUNK);
        size_t count = room ? fread(room, 1, CHUNK, stdin) : 0;

        if (count == 0)
            return room && !ferror(stdin);
        buf_grew(out, count);
    }
}

/* Without --body the command has none: some need none. */
static int read_body(struct sending *s)
{
    AUTO(json_freep) struct json *parsed = NULL;
    struct err err = {0};

    if (!str_is_set(s->ctl->body))
        return EXIT_DONE;
    if (str_eq(s->ctl->body, STR("-"))) {
        if (!read_stdin(&s->body))
            return ctl_usage("--body -: cannot be read, or is larger than 1 MiB");
    } else if (secret_file_read(s->ctl->body.ptr, &s->body, &err) != ST_OK) {
        return ctl_usage(err.text);
    }
    if (json_parse(buf_str(&s->body), &parsed, &err) == ST_OK)
        return EXIT_DONE;
    (void)fprintf(stderr, "kabaoctl: /body %s\n", err.text);
    return EXIT_CONFIG;
}

static void write_value(struct sending *s)
{
    struct jsonw w = {.out = &s->value};

    jsonw_object(&w);
    jsonw_key_str(&w, "account", str_from(s->out.account->name));
    jsonw_key_str(&w, "type", s->out.type);
    if (str_is_set(s->ctl->body)) {
        jsonw_key(&w, STR("body"));
        jsonw_raw(&w, str_trim(buf_str(&s->body)));
    }
    if (s->ctl->confirm)
        jsonw_key_bool(&w, "confirm", true);
    jsonw_object_end(&w);
}

/* Pointer and rule to stderr. What a word of the command line would mend is a matter of usage. */
static int check_value(struct sending *s)
{
    AUTO(json_freep) struct json *value = NULL;
    struct schema_fault fault;
    struct err err = {0};
    enum status rc;

    write_value(s);
    s->out.value = buf_str(&s->value);
    if (!buf_ok(&s->value))
        return EXIT_INTERNAL;
    rc = json_parse(s->out.value, &value, &err);
    if (rc == ST_OK)
        rc = command_check(s->commands, value, &s->type, &fault, &err);
    if (rc == ST_OK)
        return EXIT_DONE;
    (void)fprintf(stderr, "kabaoctl: %s\n", err.text);
    return strcmp(err.code, "confirm") == 0 ? EXIT_USAGE : EXIT_CONFIG;
}

static int ask(const struct sending *s)
{
    char question[160];

    if (!s->type->call->irreversible)
        return EXIT_DONE;
    (void)snprintf(question, sizeof(question), "%.100s cannot be taken back. Send it?",
                   s->type->call->type);
    return ctl_confirm(s->ctl, question) ? EXIT_DONE : EXIT_USAGE;
}

static int prepare(struct sending *s)
{
    int (*const steps[])(struct sending *) = {choose_account, choose_id, choose_type, read_body,
                                              check_value};
    int code = EXIT_DONE;

    for (size_t i = 0; code == EXIT_DONE && i < COUNT_OF(steps); i++)
        code = steps[i](s);
    return code == EXIT_DONE ? ask(s) : code;
}

/* What became of it */

static int tell_silence(struct str id)
{
    (void)fprintf(stderr, "kabaoctl: no result in time; ask again with 'kabaoctl command wait ");
    (void)fprintf(stderr, "%.*s'\n", STR_ARG(id));
    return EXIT_TEMPORARY;
}

/* One object; result may be empty: none is known. */
static bool print_json(const struct sending *s, const struct command_place *place,
                       const struct command_result *result)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct jsonw w = {.out = &line};

    jsonw_object(&w);
    jsonw_key_str(&w, "id", s->out.id);
    jsonw_key_i64(&w, "partition", place->partition);
    jsonw_key_i64(&w, "offset", place->offset);
    if (str_is_set(result->command_id)) {
        jsonw_key(&w, STR("result"));
        command_show_json(&w, result);
    }
    jsonw_object_end(&w);
    return show_print_json(&line);
}

static void print_place(const struct sending *s, const struct command_place *place)
{
    if (s->ctl->json)
        return;
    (void)printf("%.*s  %d:%lld\n", STR_ARG(s->out.id), place->partition, (long long)place->offset);
    (void)fflush(stdout);
}

static int finish(const struct sending *s, const struct command_place *place,
                  const struct command_result *result)
{
    if (s->ctl->json && !print_json(s, place, result))
        return EXIT_INTERNAL;
    if (s->ctl->wait_s == 0)
        return EXIT_DONE;
    if (!str_is_set(result->command_id))
        return tell_silence(s->out.id);
    if (!s->ctl->json)
        command_show_people(result);
    return command_exit_code(result);
}

/* Without its id nobody could ask what became of it, nor send the same again. */
static int tell_failure(const struct sending *s, bool is_tried, enum status rc,
                        const struct err *err)
{
    if (is_tried)
        (void)fprintf(stderr,
                      "kabaoctl: it may have been taken under the id %.*s; 'kabaoctl command wait' "
                      "tells, and --id sends the same again\n",
                      STR_ARG(s->out.id));
    return ctl_fail(rc, err);
}

/* Results are followed from before the record is sent: none can be missed. */
static int transmit(const struct sending *s)
{
    const struct ctl *ctl = s->ctl;
    struct command_result result = {.at_ms = 0};
    struct command_place place = {0};
    struct results *results = NULL;
    struct err err = {0};
    enum status rc = ST_OK;
    bool is_tried = false;
    int code;

    if (ctl->wait_s > 0)
        rc = results_open(ctl->settings, TAIL_END, 0, &results, &err);
    if (rc == ST_OK) {
        rc = command_send(ctl->settings, &s->out, &place, &err);
        is_tried = rc != ST_FATAL;
    }
    if (rc == ST_OK)
        print_place(s, &place);
    if (rc == ST_OK && ctl->wait_s > 0)
        rc =
            results_await(results, s->out.id, true, deadline_in(ctl->wait_s * 1000), &result, &err);
    code = rc == ST_OK ? finish(s, &place, &result) : tell_failure(s, is_tried, rc, &err);
    results_close(results);
    return code;
}

int ctl_command_send(const struct ctl *ctl)
{
    struct sending s = {.ctl = ctl, .body = BUF_INIT(BODY_MAX), .value = BUF_INIT(VALUE_MAX)};
    int code = prepare(&s);

    if (code == EXIT_DONE)
        code = transmit(&s);
    commands_close(s.commands);
    buf_done(&s.body);
    buf_done(&s.value);
    return code;
}

/* Waiting */

static bool take_since(const struct ctl *ctl, enum tail_from *from, int64_t *from_ms)
{
    *from = TAIL_TIME;
    *from_ms = clock_wall_ms() - SINCE_DEFAULT_MS;
    if (!str_is_set(ctl->since))
        return true;
    if (!str_eq(ctl->since, STR("beginning")))
        return clock_parse_rfc3339(ctl->since.ptr, ctl->since.len, from_ms);
    *from = TAIL_BEGINNING;
    return true;
}

static int show(const struct ctl *ctl, const struct command_result *result)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct jsonw w = {.out = &line};

    if (!str_is_set(result->command_id))
        return tell_silence(str_from(ctl->words[0]));
    if (!ctl->json) {
        command_show_people(result);
        return command_exit_code(result);
    }
    command_show_json(&w, result);
    return show_print_json(&line) ? command_exit_code(result) : EXIT_INTERNAL;
}

int ctl_command_wait(const struct ctl *ctl)
{
    const int64_t wait_s = ctl->wait_s > 0 ? ctl->wait_s : WAIT_DEFAULT_S;
    struct command_result result = {.at_ms = 0};
    struct results *results = NULL;
    struct err err = {0};
    enum tail_from from;
    int64_t from_ms;
    enum status rc;
    int code;

    if (!take_since(ctl, &from, &from_ms))
        return ctl_usage("--since takes 'beginning' or a time such as 2026-01-02T03:04:05Z");
    rc = results_open(ctl->settings, from, from_ms, &results, &err);
    if (rc == ST_OK)
        rc = results_await(results, str_from(ctl->words[0]), false, deadline_in(wait_s * 1000),
                           &result, &err);
    code = rc == ST_OK ? show(ctl, &result) : ctl_fail(rc, &err);
    results_close(results);
    return code;
}
