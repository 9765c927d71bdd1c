/* SPDX-License-Identifier: Apache-2.0 */
#include "wechat/push_again.h"

#include "base/rand.h"
#include "codec/crypto.h"
#include "codec/xmlw.h"
#include "http/url.h"
#include "wechat/crypt.h"
#include "wechat/sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A record has a mebibyte at most; what encryption adds is a third. */
enum { BODY_MAX = 8 << 20, QUERY_MAX = 16 << 10 };

enum { NONCE_SIZE = 11, TIME_SIZE = 24 };

/* The XML */

/* WeChat sends these as bare numbers, and there are systems that read it with patterns. */
static bool is_bare(struct str name, struct str text)
{
    static const struct str names[] = {STR_INIT("CreateTime"), STR_INIT("MsgId"),
                                       STR_INIT("MsgID")};

    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(name, names[i]))
            return text.len > 0;
    return false;
}

static void write_text(struct str name, struct str text, struct buf *out)
{
    if (is_bare(name, text) || (text.len > 0 && memchr(text.ptr, '\r', text.len) != NULL))
        xmlw_text(out, name, text);
    else
        xmlw_cdata(out, name, text);
}

static void write_children(const struct json *fields, struct buf *out);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as JSON_DEPTH_MAX. */
static void write_element(struct str name, const struct json *value, struct buf *out)
{
    if (json_is(value, JSON_ARRAY)) {
        for (size_t i = 0; i < json_len(value); i++)
            write_element(name, json_at(value, i), out);
        return;
    }
    if (!json_is(value, JSON_OBJECT)) {
        write_text(name, json_str(value), out);
        return;
    }
    xmlw_open(out, name);
    write_children(value, out);
    xmlw_close(out, name);
}

/* NOLINTNEXTLINE(misc-no-recursion): see above */
static void write_children(const struct json *fields, struct buf *out)
{
    for (struct json_iter i = json_iter(fields); json_next(&i);)
        write_element(i.key, i.value, out);
}

void push_again_write(const struct event *event, struct buf *out)
{
    xmlw_open(out, STR("xml"));
    write_children(event->fields.tree, out);
    xmlw_close(out, STR("xml"));
}

/* The request */

/* One push on its way out. */
struct making {
    const struct account *account;
    const struct account_secrets *secrets;
    const struct event *event;
    struct arena *arena;
    char time[TIME_SIZE];
    char nonce[NONCE_SIZE];
    struct str encrypted; /* absent: plain */
};

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory to make a push anew");
}

static enum status seal(struct making *m, struct str message, struct err *err)
{
    AUTO(crypt_freep) struct crypt *crypt = crypt_new(m->secrets->aes_keys, 1);
    const struct account *account = m->account;

    if (crypt == NULL)
        return no_memory(err);
    return crypt_seal(crypt, 0, message,
                      str_from(account->frame_appid ? account->frame_appid : account->appid),
                      m->arena, &m->encrypted, err);
}

/* All of it in compatible mode; in secure mode what WeChat needs to route it. */
static void write_body(const struct making *m, struct buf *out)
{
    xmlw_open(out, STR("xml"));
    if (m->account->push_mode != PUSH_MODE_SECURE)
        write_children(m->event->fields.tree, out);
    else if (str_is_set(m->event->to_user))
        xmlw_cdata(out, STR("ToUserName"), m->event->to_user);
    if (str_is_set(m->encrypted))
        xmlw_cdata(out, STR("Encrypt"), m->encrypted);
    xmlw_close(out, STR("xml"));
}

static void add_signature(const struct making *m, struct hasher *sha1, const char *name,
                          struct str encrypted, struct buf *out)
{
    const struct str values[] = {str_from(m->secrets->callback_token), str_from(m->time),
                                 str_from(m->nonce), encrypted};
    char signature[SIGN_LEN + 1];

    sign_values(sha1, values, str_is_set(encrypted) ? 4 : 3, signature);
    buf_addf(out, "%s=%s", name, signature);
}

static enum status write_query(const struct making *m, struct buf *out, struct err *err)
{
    AUTO(hasher_freep) struct hasher *hasher = hasher_new(HASH_SHA1);

    if (hasher == NULL)
        return no_memory(err);
    add_signature(m, hasher, "signature", (struct str){NULL, 0}, out);
    buf_addf(out, "&timestamp=%s&nonce=%s&openid=", m->time, m->nonce);
    url_encode(m->event->openid, out);
    if (str_is_set(m->encrypted))
        add_signature(m, hasher, "&encrypt_type=aes&msg_signature", m->encrypted, out);
    return ST_OK;
}

static enum status take(struct arena *arena, const struct buf *text, struct str *out,
                        struct err *err)
{
    if (buf_ok(text))
        *out = arena_dup(arena, buf_str(text));
    return str_is_set(*out) ? ST_OK : no_memory(err);
}

static enum status make(struct making *m, struct push_again *out, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(BODY_MAX);
    AUTO(buf_done) struct buf query = BUF_INIT(QUERY_MAX);
    struct push_again made = {0};
    enum status rc = ST_OK;

    if (m->account->push_mode != PUSH_MODE_PLAIN) {
        push_again_write(m->event, &text);
        rc = buf_ok(&text) ? seal(m, buf_str(&text), err) : no_memory(err);
    }
    if (rc == ST_OK)
        rc = write_query(m, &query, err);
    if (rc != ST_OK)
        return rc;
    buf_clear(&text);
    write_body(m, &text);
    rc = take(m->arena, &text, &made.body, err);
    if (rc == ST_OK)
        rc = take(m->arena, &query, &made.query, err);
    if (rc == ST_OK)
        *out = made;
    return rc;
}

enum status push_again_make(const struct push_again_as *as, const struct event *event,
                            int64_t now_s, struct arena *arena, struct push_again *out,
                            struct err *err)
{
    struct making m = {
        .account = as->account, .secrets = as->secrets, .event = event, .arena = arena};

    (void)snprintf(m.time, sizeof(m.time), "%" PRId64, now_s);
    (void)snprintf(m.nonce, sizeof(m.nonce), "%" PRIu32, rand_below(UINT32_MAX));
    return make(&m, out, err);
}
