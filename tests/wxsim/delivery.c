/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/delivery.h"

#include "base/hex.h"
#include "base/mem.h"
#include "base/rand.h"
#include "codec/base64.h"
#include "codec/crypto.h"
#include "codec/xml.h"
#include "http/client.h"
#include "http/url.h"
#include "wechat/crypt.h"

#include <string.h>

enum {
    ANSWER_MS = 5000, /* WeChat's patience */
    AES_KEY_TEXT = 43,
    BODY_MAX = 16 * 1024 * 1024,
    QUERY_MAX = 64 * 1024,
    PARTS_MAX = 4,
    SHA1_HEX = 2 * SHA1_LEN + 1,
};

struct sim_sender {
    struct sim_sender_conf conf;
    struct crypt *crypt; /* NULL without a key */
    struct http_client *client;
};

/* The key's last character may carry spare bits, the decoder lets them pass. */
static enum status open_crypt(struct sim_sender *s, struct err *err)
{
    AUTO(buf_done_secret) struct buf text = BUF_INIT(AES_KEY_TEXT + 1);
    AUTO(buf_done_secret) struct buf bytes = BUF_INIT(64);
    uint8_t key[1][32];

    buf_add_cstr(&text, s->conf.aes_key);
    buf_add_char(&text, '=');
    if (!buf_ok(&text) || !base64_parse(buf_str(&text), &bytes) || bytes.len != sizeof(key[0]))
        return err_fatal(err, "aes_key", "an AES key is 43 characters of Base64");
    memcpy(key[0], bytes.ptr, sizeof(key[0]));
    s->crypt = crypt_new((const uint8_t(*)[32])key, 1);
    explicit_bzero(key, sizeof(key));
    return s->crypt != NULL ? ST_OK : err_fatal(err, "memory", "no memory for a key");
}

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
        rc = open_crypt(s, err);
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

/* Lower-case hex SHA-1 of the parts, sorted bytewise. */
static void sign(struct str parts[], size_t count, char out[SHA1_HEX])
{
    AUTO(buf_done) struct buf text = BUF_INIT(BODY_MAX);
    uint8_t digest[SHA1_LEN];

    for (size_t i = 1; i < count; i++) {
        for (size_t at = i; at > 0 && str_cmp(parts[at - 1], parts[at]) > 0; at--) {
            const struct str later = parts[at - 1];

            parts[at - 1] = parts[at];
            parts[at] = later;
        }
    }
    for (size_t i = 0; i < count; i++)
        buf_add(&text, parts[i]);
    sha1(buf_str(&text), digest);
    hex_format(digest, sizeof(digest), out);
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
    char signature[SHA1_HEX];

    buf_add_cstr(url, s->conf.url);
    sign(parts, PARTS_MAX - 1, signature);
    add_param(url, "signature", str_from(signature));
    add_param(url, "timestamp", timestamp);
    add_param(url, "nonce", nonce);
    if (str_is_set(openid))
        add_param(url, "openid", openid);
    if (!str_is_set(encrypt))
        return;
    sign(parts, PARTS_MAX, signature);
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

/* A passive reply may come encrypted; then its message takes its place. */
static void open_reply(struct sim_sender *s, struct arena *arena, struct sim_reply *reply)
{
    struct xml xml;
    struct str encrypt;
    int key_index;
    struct err err;

    if (s->crypt == NULL || xml_parse(reply->body, arena, &xml, &err) != ST_OK)
        return;
    encrypt = xml_child(&xml, "Encrypt");
    if (str_is_set(encrypt) && crypt_open(s->crypt, encrypt, str_from(s->conf.appid), arena,
                                          &reply->body, &key_index, &err) != ST_OK)
        reply->accepted = false;
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

enum status sim_deliver(struct sim_sender *s, struct str elements, struct str openid,
                        struct arena *arena, struct sim_reply *out, struct err *err)
{
    AUTO(buf_done) struct buf url = BUF_INIT(QUERY_MAX);
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct http_request request = {.method = "POST", .content_type = "text/xml"};
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
    out->accepted =
        out->status == 200 && (out->body.len == 0 || str_eq_cstr(out->body, "success") ||
                               str_starts(out->body, STR("<xml")));
    open_reply(s, arena, out);
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
