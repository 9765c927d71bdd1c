/* SPDX-License-Identifier: Apache-2.0 */
/* What every request of the API goes through: who asks, how many are in hand, which handler, what
 * body. */
#include "api.h"

#include "base/mem.h"
#include "codec/utf8.h"
#include "http/url.h"

#include <string.h>

#define API_ROOT STR("/v1/")

/* What must have been read of the time before the start. */
enum need { NOTHING, COMMANDS, SCENES };

struct api_route {
    const char *path; /* behind /v1/; "*" is any part */
    enum http_method method;
    enum need need;
    api_fn *fn;
};

static const struct api_route ROUTES[] = {
    {"commands/*", HTTP_POST, COMMANDS, commands_post},
    {"commands/*", HTTP_GET, COMMANDS, commands_get},
    {"bonus", HTTP_POST, COMMANDS, bonus_post},
    {"activations", HTTP_POST, NOTHING, activations_post},
    {"bindings/*", HTTP_GET, SCENES, binding_get},
    {"cards/*/ext", HTTP_POST, NOTHING, card_ext_post},
    {"cards/choose", HTTP_POST, NOTHING, card_choose_post},
    {"jsapi-signature", HTTP_POST, NOTHING, jsapi_post},
    {"accounts/*/access-token", HTTP_GET, NOTHING, access_token_get},
    {"accounts/*/access-token", HTTP_POST, NOTHING, access_token_post},
};

/* Who asks */

static const struct api_client *find_client(const struct gate *gate, const struct http_exchange *x)
{
    const struct str header = str_trim(http_exchange_header(x, "Authorization"));
    struct str scheme;
    struct str token;

    if (!str_cut(header, ' ', &scheme, &token) || !str_ieq(scheme, STR("Bearer")))
        return NULL;
    return clients_find(gate->shared->api->clients, str_trim(token));
}

static bool authenticate(struct api_request *r)
{
    r->client = find_client(r->gate, r->x);
    return r->client || api_refuse(r, PROBLEM_UNAUTHORIZED,
                                   STR("Send Authorization: Bearer with a token of this service."));
}

/* Connections are what pushes need as well: requests of the API have half of a gate's at most. */
static bool limit(struct api_request *r)
{
    const struct gate_shared *shared = r->gate->shared;
    const size_t max = (size_t)shared->settings->ingress.api_max_waiting;
    const size_t half = gate_connections(shared) / 2;

    if (r->gate->refusing)
        return api_refuse(r, PROBLEM_STOPPING, (struct str){0});
    if (atomic_load(&shared->api->in_hand) > max || r->gate->api_in_hand > (half > 0 ? half : 1))
        return api_refuse(r, PROBLEM_TOO_MANY, STR("Too many requests are in hand or waiting."));
    return true;
}

/* What is asked for */

/* Each part once decoded; what could be read as another path by somebody on the way is none. */
static bool split_path(struct api_request *r)
{
    struct str rest = str_skip(http_exchange_path(r->x), API_ROOT.len);
    struct str part;
    size_t n = 0;

    while (str_cut(rest, '/', &part, &rest)) {
        if (part.len == 0 || n == API_PARTS_MAX)
            return false;
        part = url_decode(part, false, http_exchange_arena(r->x));
        if (!str_is_set(part) || !utf8_valid(part) || str_eq(part, STR(".")) ||
            str_eq(part, STR("..")) || memchr(part.ptr, '/', part.len))
            return false;
        r->parts[n++] = part;
    }
    return n > 0;
}

static bool fits(const char *path, const struct str parts[API_PARTS_MAX])
{
    struct str rest = str_from(path);
    struct str wanted;
    size_t n = 0;

    while (str_cut(rest, '/', &wanted, &rest)) {
        if (n == API_PARTS_MAX || !str_is_set(parts[n]) ||
            (!str_eq(wanted, STR("*")) && !str_eq(wanted, parts[n])))
            return false;
        n++;
    }
    return n == API_PARTS_MAX || !str_is_set(parts[n]);
}

static const char *allowed(bool get, bool post)
{
    if (get)
        return post ? "GET, HEAD, POST" : "GET, HEAD";
    return "POST";
}

/* NULL: answered. */
static const struct api_route *find_route(struct api_request *r)
{
    const bool is_path = split_path(r);
    bool get = false;
    bool post = false;

    for (size_t i = 0; is_path && i < COUNT_OF(ROUTES); i++) {
        if (!fits(ROUTES[i].path, r->parts))
            continue;
        if (ROUTES[i].method == http_exchange_method(r->x))
            return &ROUTES[i];
        get = get || ROUTES[i].method == HTTP_GET;
        post = post || ROUTES[i].method == HTTP_POST;
    }
    if (get || post)
        api_problem(r, &(struct problem){.kind = PROBLEM_METHOD, .allow = allowed(get, post)});
    else
        api_problem(r, &(struct problem){.kind = PROBLEM_NOT_FOUND});
    return NULL;
}

static bool is_json(struct str content_type)
{
    struct str type;
    struct str parameters;
    struct str charset;

    if (!str_cut(content_type, ';', &type, &parameters) ||
        !str_ieq(str_trim(type), STR("application/json")))
        return false;
    charset = str_trim(parameters);
    return charset.len == 0 || str_ieq(charset, STR("charset=utf-8")) ||
           str_ieq(charset, STR("charset=\"utf-8\""));
}

static bool read_body(struct api_request *r)
{
    struct err err = {0};
    enum status rc;

    if (!is_json(http_exchange_header(r->x, "Content-Type")))
        return api_refuse(r, PROBLEM_MEDIA_TYPE, STR("Send Content-Type: application/json."));
    if (str_is_set(http_exchange_header(r->x, "Content-Encoding")))
        return api_refuse(r, PROBLEM_MEDIA_TYPE, STR("Send the body without Content-Encoding."));
    rc = json_parse(http_exchange_body(r->x), &r->body, &err);
    if (rc == ST_RETRY)
        return api_refuse(r, PROBLEM_MEMORY, (struct str){0});
    if (rc != ST_OK)
        return api_refuse(r, PROBLEM_JSON, str_from(err.text));
    return json_is(r->body, JSON_OBJECT) ||
           api_refuse(r, PROBLEM_JSON, STR("The body must be a JSON object."));
}

/* False: answered with 503. */
static bool is_read(struct api_request *r, enum need need)
{
    const struct api *api = r->gate->shared->api;

    if (need == COMMANDS && !feed_is_filled(api->feed))
        return api_refuse(r, PROBLEM_REFILLING, STR("Commands asked before are still being read."));
    if (need == SCENES && !feed_is_filled(api->scene_feed))
        return api_refuse(r, PROBLEM_REFILLING, STR("Scenes made before are still being read."));
    return true;
}

static void serve(struct api_request *r)
{
    const struct api_route *route = find_route(r);

    if (!route || (route->method == HTTP_POST && !read_body(r)) || !is_read(r, route->need))
        return;
    r->prefer = prefer_parse(http_exchange_header_list(r->x, "Prefer"));
    route->fn(r);
}

bool api_is_path(struct str path)
{
    return str_starts(path, API_ROOT);
}

void api_open(struct gate *gate, struct http_exchange *x)
{
    struct api_request *r = mem_zalloc(sizeof(*r));

    if (!r) {
        gate_refuse(gate, x, NULL, 503, "memory");
        return;
    }
    r->gate = gate;
    r->x = x;
    gate->api_in_hand++;
    (void)atomic_fetch_add(&gate->shared->api->in_hand, 1);
    if (authenticate(r) && limit(r))
        serve(r);
}

/* Before the body is read */

static bool is_known(const struct gate *gate, const struct http_exchange *x)
{
    const struct api_client *client = find_client(gate, x);

    clients_release(client);
    return client;
}

size_t api_body_limit(void *arg, const struct http_exchange *x)
{
    const struct gate *gate = arg;
    const struct settings_ingress *settings = &gate->shared->settings->ingress;

    if (api_is_path(http_exchange_path(x)) && is_known(gate, x))
        return (size_t)settings->api_max_body_bytes;
    return (size_t)settings->max_body_bytes;
}

static enum problem_kind refusal_kind(const struct gate *gate, const struct http_exchange *x,
                                      int status)
{
    switch (status) {
    case 413: return is_known(gate, x) ? PROBLEM_TOO_LARGE : PROBLEM_UNAUTHORIZED;
    case 503: return PROBLEM_CONNECTIONS;
    default: return PROBLEM_HTTP;
    }
}

void api_refusal(void *arg, const struct http_exchange *x, struct http_refusal *refusal)
{
    struct gate *gate = arg;
    struct problem p = {0};

    if (!api_is_path(http_exchange_path(x)))
        return;
    p.kind = refusal_kind(gate, x, refusal->status);
    refusal->status = problem_def(p.kind)->status;
    refusal->content_type = PROBLEM_CONTENT_TYPE;
    if (p.kind == PROBLEM_UNAUTHORIZED)
        refusal->headers = "WWW-Authenticate: Bearer\r\n";
    problem_write(&p, http_exchange_path(x), refusal->body);
    gate_note_refusal(gate, "api.refused", NULL, refusal->status, problem_def(p.kind)->outcome);
}
