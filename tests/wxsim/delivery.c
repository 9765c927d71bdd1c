/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/delivery.h"

#include "base/mem.h"
#include "base/rand.h"
#include "codec/xml.h"
#include "http/client.h"
#include "http/url.h"
#include "wechat/crypt.h"
#include "wxsim/report.h"
#include "wxsim/secure.h"

#include <string.h>

enum {
    ANSWER_MS = 5000, /* WeChat's patience */
    BODY_MAX = 16 * 1024 * 1024,
    QUERY_MAX = 64 * 1024,
    PARTS_MAX = 4,
};

struct sim_sender {
    struct sim_sender_conf conf;
    struct crypt *crypt; /* NULL without a key */
    struct http_client *client;
};

enum status sim_sender_open(const struct sim_sender_conf *conf, struct sim_sender **out,
                            struct err *err)
{
    static const struct http_client_conf client = {
        .connect_timeout_ms = ANSWER_MS,
        .user_agent = "Mozilla/4.0",
    };
    AUTO(sim_sender_closep) struct sim_sender *s = mem_zalloc(sizeof(*s));
    enum status rc = ST_OK;

    if (s == NULL)
        return err_fatal(err, "memory", "no memory to send");
    s->conf = *conf;
    if (conf->mode != SIM_PLAIN && conf->aes_key == NULL)
        return err_fatal(err, "aes_key", "the mode needs an AES key");
    if (conf->aes_key != NULL)
        rc = sim_crypt_open(conf->aes_key, &s->crypt, err);
    if (rc == ST_OK)
        rc = http_client_open(&client, NULL, &s->client, err);
    if (rc != ST_OK)
        return rc;
    *out = TAKE(s);
    return ST_OK;
}

void sim_sender_close(struct sim_sender *s)
{
    if (s == NULL)
        return;
    crypt_free(s->crypt);
    http_client_close(s->client);
    mem_free(s);
}

static void add_param(struct buf *url, const char *name, struct str value)
{
    buf_add_char(url, memchr(url->ptr, '?', url->len) != NULL ? '&' : '?');
    buf_add_cstr(url, name);
    buf_add_char(url, '=');
    url_encode(value, url);
}

/* The callback URL with the parameters of one delivery; encrypt is absent in plain mode. */
static void make_url(const struct sim_sender *s, struct str encrypt, struct str openid,
                     struct arena *arena, struct buf *url)
{
    const struct str timestamp = arena_printf(arena, "%lld", (long long)(clock_wall_ms() / 1000));
    const struct str nonce = s->conf.nonce != NULL
                                 ? str_from(s->conf.nonce)
                                 : arena_printf(arena, "%u", (unsigned)rand_u64());
    struct str parts[PARTS_MAX] = {str_from(s->conf.token), timestamp, nonce, encrypt};
    char signature[SIM_SIGNATURE_SIZE];

    buf_add_cstr(url, s->conf.url);
    sim_sign(parts, PARTS_MAX - 1, signature);
    add_param(url, "signature", str_from(signature));
    add_param(url, "timestamp", timestamp);
    add_param(url, "nonce", nonce);
    if (str_is_set(openid))
        add_param(url, "openid", openid);
    if (!str_is_set(encrypt))
        return;
    sim_sign(parts, PARTS_MAX, signature);
    add_param(url, "encrypt_type", STR("aes"));
    add_param(url, "msg_signature", str_from(signature));
}

static enum status send_request(struct sim_sender *s, const struct http_request *request,
                                struct arena *arena, struct sim_reply *out, struct err *err)
{
    struct http_reply reply = {.status = 0};
    struct err why;
    const enum status rc =
        http_client_send(s->client, request, deadline_in(ANSWER_MS), arena, &reply, &why);

    if (rc != ST_OK && reply.status == 0) {
        *err = why;
        return rc;
    }
    *out = (struct sim_reply){.status = reply.status, .body = reply.body};
    return ST_OK;
}

/* Whose reply it must be: what the push says, wherever it was changed. */
static void fill_expected(const struct sim_sender *s, struct str elements, struct str openid,
                          struct arena *arena, struct sim_expected *out)
{
    const struct str push = arena_printf(arena, "<xml>%.*s</xml>", STR_ARG(elements));
    struct xml xml;
    struct err err;

    *out = (struct sim_expected){
        .openid = openid,
        .original_id = str_from(s->conf.original_id),
        .appid = str_from(s->conf.appid),
        .token = str_from(s->conf.token),
        .crypt = s->crypt,
        .mode = s->conf.mode,
    };
    if (!str_is_set(push) || xml_parse(push, arena, &xml, &err) != ST_OK)
        return;
    out->openid = xml_child(&xml, "FromUserName");
    out->original_id = xml_child(&xml, "ToUserName");
    out->push_type = xml_child(&xml, "MsgType");
}

static void add_cdata(struct buf *body, const char *name, struct str text)
{
    buf_addf(body, "<%s><![CDATA[", name);
    buf_add(body, text);
    buf_addf(body, "]]></%s>\n", name);
}

static enum status encrypt_push(struct sim_sender *s, struct str elements, struct arena *arena,
                                struct str *encrypt, struct err *err)
{
    AUTO(buf_done) struct buf message = BUF_INIT(BODY_MAX);

    buf_add_cstr(&message, "<xml>");
    buf_add(&message, elements);
    buf_add_cstr(&message, "</xml>");
    return crypt_seal(s->crypt, 0, buf_str(&message), str_from(s->conf.appid), arena, encrypt, err);
}

/* Only what comes with 200 is a reply to somebody. */
static void judge(const struct sim_sender *s, const struct sim_expected *expected,
                  struct arena *arena, struct sim_reply *out)
{
    struct sim_verdict verdict;

    if (out->status != 200)
        return;
    sim_reply_judge(expected, out->body, arena, &verdict);
    if (verdict.is_reply && s->conf.report_to != NULL)
        sim_reply_report(s->client, s->conf.report_to, expected, out->body, arena);
    out->accepted = verdict.bad == NULL;
    out->bad = verdict.bad;
    if (str_is_set(verdict.message))
        out->body = verdict.message;
}

enum status sim_deliver(struct sim_sender *s, struct str elements, struct str openid,
                        struct arena *arena, struct sim_reply *out, struct err *err)
{
    AUTO(buf_done) struct buf url = BUF_INIT(QUERY_MAX);
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct http_request request = {.method = "POST", .content_type = "text/xml"};
    struct sim_expected expected;
    struct str encrypt = {NULL, 0};
    enum status rc = ST_OK;

    if (s->conf.mode != SIM_PLAIN)
        rc = encrypt_push(s, elements, arena, &encrypt, err);
    if (rc != ST_OK)
        return rc;
    buf_add_cstr(&body, "<xml>");
    if (s->conf.mode == SIM_SECURE)
        add_cdata(&body, "ToUserName", str_from(s->conf.original_id));
    else
        buf_add(&body, elements);
    if (str_is_set(encrypt))
        add_cdata(&body, "Encrypt", encrypt);
    buf_add_cstr(&body, "</xml>");
    make_url(s, encrypt, openid, arena, &url);
    if (!buf_ok(&body) || !buf_ok(&url))
        return err_reject(err, REASON_MALFORMED, "push", "the push is too large");
    request.url = url.ptr;
    request.body = buf_str(&body);
    rc = send_request(s, &request, arena, out, err);
    if (rc != ST_OK)
        return rc;
    fill_expected(s, elements, openid, arena, &expected);
    judge(s, &expected, arena, out);
    return ST_OK;
}

enum status sim_check_url(struct sim_sender *s, struct str echostr, struct arena *arena,
                          struct sim_reply *out, struct err *err)
{
    AUTO(buf_done) struct buf url = BUF_INIT(QUERY_MAX);
    struct http_request request = {.method = "GET"};
    const struct str none = {NULL, 0};
    struct str sent = echostr;
    enum status rc = ST_OK;

    if (s->conf.mode == SIM_SECURE)
        rc = crypt_seal(s->crypt, 0, echostr, str_from(s->conf.appid), arena, &sent, err);
    if (rc != ST_OK)
        return rc;
    make_url(s, s->conf.mode == SIM_SECURE ? sent : none, none, arena, &url);
    add_param(&url, "echostr", sent);
    if (!buf_ok(&url))
        return err_reject(err, REASON_MALFORMED, "push", "the URL is too long");
    request.url = url.ptr;
    rc = send_request(s, &request, arena, out, err);
    if (rc == ST_OK)
        out->accepted = out->status == 200 && str_eq(out->body, echostr);
    return rc;
}
