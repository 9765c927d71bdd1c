/* SPDX-License-Identifier: Apache-2.0 */
#include "wechat/oauth.h"

#include "http/url.h"
#include "wechat/errors.h"

#include <stdio.h>

enum { URL_MAX = 16 * 1024, SECRET_WRONG_MS = 60 * 1000 };

static void write_url(const struct settings_wechat *settings, const struct oauth_request *r,
                      struct buf *url)
{
    wechat_url(settings, &CALL_OAUTH_EXCHANGE, url);
    buf_add_cstr(url, "?appid=");
    url_encode(str_from(r->account->appid), url);
    buf_add_cstr(url, "&secret=");
    url_encode(r->secret, url);
    buf_add_cstr(url, "&code=");
    url_encode(r->code, url);
    buf_add_cstr(url, "&grant_type=authorization_code");
}

/* There is no token in this call: what else says that a token is bad says it of the AppSecret. */
static enum status refuse(const struct oauth_request *r, const struct json *answer, int errcode,
                          struct err *err)
{
    char resource[sizeof(err->resource)];
    const struct wechat_refusal refusal = {
        .call = &CALL_OAUTH_EXCHANGE,
        .answer = answer,
        .errcode = errcode,
        .resource = resource,
        .secret = r->secret,
    };

    (void)snprintf(resource, sizeof(resource), "wechat:%s:%s", r->account->name,
                   CALL_OAUTH_EXCHANGE.path);
    if (errcode_find(errcode, &CALL_OAUTH_EXCHANGE)->class != ERRCODE_TOKEN)
        return wechat_refuse(&refusal, err);
    (void)err_wait(err, resource, deadline_in(SECRET_WRONG_MS),
                   "oauth.exchange: %d, AppSecret wrong: compare [account %s] secret_file with the "
                   "console",
                   errcode, r->account->name);
    (void)snprintf(err->code, sizeof(err->code), "wechat:%d", errcode);
    return ST_WAIT;
}

enum status oauth_exchange(struct http_client *http, const struct settings_wechat *settings,
                           const struct oauth_request *request, struct json **answer,
                           struct err *err)
{
    AUTO(buf_done_secret) struct buf url = BUF_INIT(URL_MAX);
    AUTO(json_freep) struct json *read = NULL;
    struct http_request get = {.method = CALL_OAUTH_EXCHANGE.method};
    int errcode = 0;
    enum status rc;

    write_url(settings, request, &url);
    if (!buf_ok(&url))
        return err_retry(err, "memory", "oauth.exchange: no room for the request");
    get.url = url.ptr;
    rc =
        wechat_exchange(http, &get, deadline_min(request->until, deadline_in(settings->timeout_ms)),
                        &read, &errcode, err);
    if (rc != ST_OK)
        return rc;
    if (errcode != 0)
        return refuse(request, read, errcode, err);
    *answer = TAKE(read);
    return ST_OK;
}
