/* SPDX-License-Identifier: Apache-2.0 */
#include "tell.h"

struct binding tell_record(const struct command *c, const struct reply *reply, const char *kind)
{
    return (struct binding){
        .account = str_from(c->account->name),
        .appid = str_from(c->account->appid),
        .kind = str_from(kind),
        .at = reply->at,
    };
}

enum status tell_answer(const struct reply *reply, struct json **answer, struct err *err)
{
    *answer = NULL;
    return str_is_set(reply->answer) ? json_parse(reply->answer, answer, err) : ST_OK;
}
