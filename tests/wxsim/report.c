/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/report.h"

#include "base/buf.h"
#include "codec/jsonw.h"
#include "codec/utf8.h"

#include <stdio.h>

enum { ASK_MS = 5000, BODY_MAX = 32 * 1024 * 1024 };

void sim_reply_report(struct http_client *client, const char *url,
                      const struct sim_expected *expected, struct str answer, struct arena *arena)
{
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct jsonw w = {.out = &body};
    struct http_request request = {.method = "POST", .content_type = "application/json"};
    struct http_reply reply;
    struct err err;

    jsonw_object(&w);
    jsonw_key_str(&w, "appid", expected->appid);
    jsonw_key_str(&w, "openid", expected->openid);
    jsonw_key_str(&w, "mode", str_from(sim_mode_name(expected->mode)));
    jsonw_key_str(&w, "push_type", expected->push_type);
    jsonw_key_str(&w, "answer", utf8_valid(answer) ? answer : STR("bytes that are no UTF-8"));
    jsonw_object_end(&w);
    request.url = arena_printf(arena, "%s/sim/replies", url).ptr;
    request.body = buf_str(&body);
    if (request.url == NULL || !buf_ok(&body))
        (void)fprintf(stderr, "kabao-wxsim: no memory to report a reply\n");
    else if (http_client_send(client, &request, deadline_in(ASK_MS), arena, &reply, &err) != ST_OK)
        (void)fprintf(stderr, "kabao-wxsim: a reply could not be reported: %s\n", err.text);
}
