/* SPDX-License-Identifier: Apache-2.0 */
#include "command_show.h"

#include "app/app.h"
#include "base/clock.h"
#include "show.h"

#include <stdio.h>

static void write_json(struct jsonw *w, const char *key, struct str json)
{
    if (!str_is_set(json))
        return;
    jsonw_key(w, str_from(key));
    jsonw_raw(w, json);
}

void command_show_json(struct jsonw *w, const struct command_result *r)
{
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(r->at_ms, at);
    jsonw_object(w);
    jsonw_key_str(w, "account", r->account);
    jsonw_key_str(w, "type", r->type);
    jsonw_key_str(w, "command_id", r->command_id);
    jsonw_key_str(w, "outcome", r->outcome);
    if (r->errcode.set)
        jsonw_key_i64(w, "errcode", r->errcode.value);
    jsonw_key_str(w, "errmsg", r->errmsg);
    write_json(w, "answer", r->answer);
    write_json(w, "error", r->error);
    jsonw_key_str(w, "at", str_from(at));
    jsonw_object_end(w);
}

static void print_line(const char *name, struct str text)
{
    if (!str_is_set(text))
        return;
    (void)printf("    %s: ", name);
    show_print_bytes(text);
    (void)printf("\n");
}

void command_show_people(const struct command_result *r)
{
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(r->at_ms, at);
    (void)printf("%s  ", at);
    show_print_bytes(r->outcome);
    (void)printf("\n");
    if (r->errcode.set)
        (void)printf("    errcode: %lld\n", (long long)r->errcode.value);
    print_line("errmsg", r->errmsg);
    print_line("answer", r->answer);
    print_line("error", r->error);
}

int command_exit_code(const struct command_result *r)
{
    if (str_eq(r->outcome, STR("done")))
        return EXIT_DONE;
    if (str_eq(r->outcome, STR("rejected")) || str_eq(r->outcome, STR("expired")))
        return EXIT_CONFIG;
    return EXIT_TEMPORARY;
}
