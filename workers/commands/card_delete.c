/* SPDX-License-Identifier: Apache-2.0 */
/* card.delete: whether the template is gone can be seen. */
#include "call.h"

#include <assert.h>
#include <string.h>

static struct str status_of(const struct json *card)
{
    for (struct json_iter i = json_iter(card); json_next(&i);) {
        const struct json *base = json_get(i.value, "base_info");

        if (base)
            return json_get_str(base, "status");
    }
    return (struct str){NULL, 0};
}

static bool is_deleted(struct str status)
{
    return str_eq(status, STR("CARD_STATUS_DELETE")) ||
           str_eq(status, STR("CARD_STATUS_USER_DELETE"));
}

static enum status probe(struct command *c, struct deadline until, bool *happened,
                         struct reply *reply, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct call *get = call_find("card.get");
    struct str body = command_body(c);
    enum status rc;

    assert(get);
    if (!str_is_set(body))
        return command_no_memory(err);
    rc = command_ask(c, get, body, until, &answer, err);
    *happened = rc == ST_OK ? is_deleted(status_of(json_get(answer, "card")))
                            : rc == ST_REJECT && strcmp(err->code, "wechat:40073") == 0;
    if (*happened)
        reply_ok(reply, STR("{}"));
    return rc == ST_REJECT ? ST_OK : rc;
}

const struct special SPECIAL_CARD_DELETE = {.type = "card.delete", .probe = probe};
