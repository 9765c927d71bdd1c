/* SPDX-License-Identifier: Apache-2.0 */
/* The list first, then a guarded request. */
#include "http/fetch.h"

#include "http/url.h"

#include <stdio.h>
#include <string.h>

/* "host:port" as it stands in an address of ours: https://host:port/... What parsers read
 * differently (blanks, control characters, backslashes, anything beyond ASCII) makes it absent. */
static struct str authority_of(struct str url)
{
    const struct str https = STR("https://");
    struct str authority;
    size_t len = 0;

    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || url.ptr[i] == '\\')
            return (struct str){0};
    if (!str_starts(url, https))
        return (struct str){0};
    authority = str_skip(url, https.len);
    while (len < authority.len && strchr("/?#", authority.ptr[len]) == NULL)
        len++;
    return str_of(authority.ptr, len);
}

static struct str without_default_port(struct str authority)
{
    const struct str port = STR(":443");

    if (str_ends(authority, port))
        authority.len -= port.len;
    return authority;
}

static bool is_listed(struct str hosts, struct str authority)
{
    const struct str wanted = without_default_port(authority);
    struct str rest = hosts;
    struct str word;

    while (str_cut(rest, ' ', &word, &rest))
        if (!str_is_empty(word) && str_eq(without_default_port(word), wanted))
            return true;
    return false;
}

/* "127.0.0.1" of "127.0.0.1:8443", "[::1]" of "[::1]:8443". */
static struct str host_of(struct str authority)
{
    size_t end = 0;
    struct str port;

    if (str_find(authority, STR("]"), &end))
        return str_of(authority.ptr, end + 1);
    (void)str_cut(authority, ':', &authority, &port);
    return authority;
}

static enum status refuse(const struct http_request *request, const char *code, const char *what,
                          struct err *err)
{
    const struct str url = url_without_query(str_from(request->url));

    return err_reject(err, REASON_REJECTED, code, "%.*s: %s", STR_ARG(url), what);
}

/* Which of the client's refusals it was. */
static enum status reject(const struct http_request *request, int status, struct err *err)
{
    char what[32];

    if (status == 0 &&
        (strcmp(err->code, "http:address") == 0 || strcmp(err->code, "http:size") == 0))
        return ST_REJECT;
    if (status == 0)
        return refuse(request, "http:host", "not an address", err);
    (void)snprintf(what, sizeof(what), "HTTP %d", status);
    return refuse(request, status >= 300 && status <= 399 ? "http:redirect" : "http:fetch", what,
                  err);
}

/* WeChat got nothing of it, whatever went wrong here: see http_client_sent_nothing. */
static enum status retry(struct err *err)
{
    if (strcmp(err->code, "http:cut") != 0 && strcmp(err->code, "memory") != 0)
        (void)snprintf(err->code, sizeof(err->code), "http:fetch");
    return ST_RETRY;
}

static enum status get(struct http_client *c, const struct http_request *request,
                       struct deadline until, struct arena *arena, struct http_reply *out,
                       struct err *err)
{
    struct http_reply reply = {0};
    enum status rc = http_client_send(c, request, until, arena, &reply, err);

    if (rc == ST_RETRY)
        return retry(err);
    if (rc == ST_REJECT || reply.status != 200)
        return reject(request, reply.status, err);
    *out = reply;
    return ST_OK;
}

enum status http_fetch(struct http_client *c, const struct http_fetch *fetch, struct deadline until,
                       struct arena *arena, struct http_reply *out, struct err *err)
{
    const struct header trace = {STR("traceparent"), fetch->traceparent};
    const struct str authority = authority_of(fetch->url);
    const struct http_request request = {
        .method = "GET",
        .url = arena_cstr(arena, fetch->url),
        .headers = &trace,
        .header_count = str_is_empty(fetch->traceparent) ? 0 : 1,
        .max_reply_bytes = fetch->max_bytes,
        .guarded = true,
        .literal = host_of(authority),
    };

    if (!is_listed(fetch->hosts, authority))
        return err_reject(err, REASON_REJECTED, "http:host",
                          "not an https address on one of [media] hosts");
    if (request.url == NULL)
        return err_retry(err, "memory", "no memory for an address");
    return get(c, &request, until, arena, out, err);
}
