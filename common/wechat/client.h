/* SPDX-License-Identifier: Apache-2.0 */
/* One WeChat call: permission, token, request, answer, verdict. Blocks; one per lane. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "config/settings.h"
#include "http/client.h"
#include "wechat/calls.h"

enum token_kind { TOKEN_ACCESS, TOKEN_JSAPI, TOKEN_WX_CARD };

const char *token_kind_name(enum token_kind kind); /* "access_token", "jsapi", "wx_card" */

enum { TOKEN_MAX = 1024, FINGERPRINT_SIZE = 17 };

struct token {
    char text[TOKEN_MAX];
    char fingerprint[FINGERPRINT_SIZE]; /* first 8 bytes of SHA-256, hex */
};

void token_fingerprint(struct str token, char out[FINGERPRINT_SIZE]);

/* What the client needs from above; every function is thread-safe. */
struct wechat_env {
    void *arg;
    /* The current token. older (may be NULL): the fingerprint of one that failed; waits for another
     * than that until the deadline, then ST_WAIT on resource "token:<account>:<kind>". */
    enum status (*token)(void *arg, const struct account *account, enum token_kind kind,
                         const char *older, struct deadline until, struct token *out,
                         struct err *err);
    /* Says that the token with this fingerprint failed. */
    void (*token_bad)(void *arg, const struct account *account, enum token_kind kind,
                      const char *fingerprint);
    /* May a call on this path go out now? ST_WAIT on resource "wechat:<account>:<path>" when it may
     * not. */
    enum status (*admit)(void *arg, const struct account *account, const char *path,
                         struct err *err);
    /* Every call's outcome: errcode, or -1000 when no answer could be read; class decides on
     * closings. */
    void (*report)(void *arg, const struct account *account, const char *path, int errcode,
                   int64_t took_ms);
};

struct wechat; /* borrows what it is given */
struct wechat *wechat_new(const struct settings_wechat *settings, struct http_client *http,
                          const struct wechat_env *env); /* NULL: no memory */
void wechat_free(struct wechat *w);
DECLARE_FREEP(struct wechat, wechat_free)

struct wechat_request {
    const struct account *account;
    const struct call *call;
    struct str body;  /* JSON for POST, query text ("a=b&c=d") for GET; absent: none */
    struct str query; /* what follows the token in the address of a POST: "type=image" */
    const struct http_file *file; /* POST: a form with this file in the body's place */
    struct str traceparent;
    struct deadline until;
    struct deadline send_by; /* zero: none; afterwards nothing is sent: ST_REJECT, REASON_EXPIRED,
                                code "deadline" */
    struct buf *errmsg;      /* NULL, or gets WeChat's own words on an errcode, without secrets */
    struct str secret;       /* of the body: words that repeat it are withheld; absent: none */
};

/* ST_OK: *answer is WeChat's JSON (errcode absent or 0), the caller's to free. ST_WAIT: path or
 * token closed (45011, 45009 and alarms close it through report). ST_RETRY: -1, 5xx, time-out, cut,
 * unreadable answer, unknown errcode ("wechat:-1", "http:..."). ST_REJECT: final codes,
 * REASON_REJECTED, err->code "wechat:40056". A stale token (40001, 40014, 42001) is reported, a
 * newer one awaited for up to 5 s, the call repeated once. */
MUST_CHECK enum status wechat_call(struct wechat *w, const struct wechat_request *request,
                                   struct json **answer, struct err *err);

/* The steps of a call, for those that cannot have a token yet (wechat/token.h). */

enum {
    WECHAT_NO_ANSWER = -1000, /* stands for an errcode where no answer could be read */
    WECHAT_BUSY = -1          /* "system busy" */
};

/* Sends and reads one JSON object, the caller's to free; *errcode is 0 where it has none. Neither
 * the HTTP status nor an unreadable answer proves anything about the request: ST_RETRY ("http:503",
 * "http:404", "wechat:garbage"). */
MUST_CHECK enum status wechat_exchange(struct http_client *http, const struct http_request *request,
                                       struct deadline until, struct json **answer, int *errcode,
                                       struct err *err);

struct wechat_refusal {
    const struct call *call;
    const struct json *answer;
    int errcode;          /* not 0 */
    const char *resource; /* what ST_WAIT closes */
    struct str secret;    /* an errmsg that repeats it is withheld, and so with body_secret */
    struct str body_secret;
};

/* The verdict on an errcode, never ST_OK: see wechat_call. A token that failed is ST_RETRY here. */
MUST_CHECK enum status wechat_refuse(const struct wechat_refusal *refusal, struct err *err);
/* base_url without its closing slash, and the call's path. */
void wechat_url(const struct settings_wechat *settings, const struct call *call, struct buf *out);
