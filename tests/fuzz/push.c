/* SPDX-License-Identifier: Apache-2.0 */
/* A callback request: one byte of options, a line with the query, the body. Without the right
 * signatures nothing would get past the door, so options put them in and encrypt the body. */
#include "wechat/push.h"

#include "codec/json.h"
#include "http/url.h"
#include "tests/fuzz/fuzz.h"
#include "wechat/crypt.h"
#include "wechat/sign.h"

#include <assert.h>
#include <string.h>

enum {
    OPTION_MODE = 3, /* enum push_mode */
    OPTION_SIGN = 4,
    OPTION_ENCRYPT = 8,
    OPTION_AES = 16,
    ARENA_MAX = 8 << 20,
    INPUT_MAX = 256 << 10,
    RECORD_MAX = 4 << 20,
};

static const struct account_secrets secrets = {
    .callback_token = "kafkawx",
    .aes_keys = {"0123456789abcdef0123456789abcde"},
    .aes_key_count = 1,
};

struct texts {
    char name[8];
    char appid[32];
    char drop[64];
    char signature[SIGN_LEN + 1];
    char msg_signature[SIGN_LEN + 1];
};

static struct push_query read_query(struct str query, struct arena *arena)
{
    return (struct push_query){
        .signature = url_query(query, "signature", arena),
        .timestamp = url_query(query, "timestamp", arena),
        .nonce = url_query(query, "nonce", arena),
        .echostr = url_query(query, "echostr", arena),
        .encrypt_type = url_query(query, "encrypt_type", arena),
        .msg_signature = url_query(query, "msg_signature", arena),
    };
}

static void sign(struct push_query *q, struct str encrypted, struct texts *t)
{
    AUTO(hasher_freep) struct hasher *h = hasher_new(HASH_SHA1);
    const struct str values[] = {str_from(secrets.callback_token), q->timestamp, q->nonce,
                                 encrypted};

    sign_values(h, values, 3, t->signature);
    sign_values(h, values, 4, t->msg_signature);
    q->signature = str_from(t->signature);
    q->msg_signature = str_from(t->msg_signature);
}

/* <Encrypt> of the body, or of its encryption, which then replaces it. */
static struct str encrypted_part(uint8_t options, struct str *body, struct arena *arena)
{
    AUTO(crypt_freep) struct crypt *c = crypt_new(secrets.aes_keys, 1);
    struct str encrypted = {0};
    struct xml xml = {0};
    struct err err;

    if (options & OPTION_ENCRYPT) {
        assert(crypt_seal(c, 0, *body, STR("wx0123456789abcdef"), arena, &encrypted, &err) ==
               ST_OK);
        *body = arena_printf(arena, "<xml><Encrypt>%.*s</Encrypt></xml>", STR_ARG(encrypted));
    } else if (xml_parse(*body, arena, &xml, &err) == ST_OK) {
        encrypted = xml_child(&xml, "Encrypt");
    }
    return encrypted;
}

static void check_push(const struct push *p)
{
    AUTO(buf_done) struct buf record = BUF_INIT(RECORD_MAX);
    AUTO(json_freep) struct json *json = NULL;
    struct event event;
    struct err err;

    push_write(p, &record);
    assert(buf_ok(&record));
    assert(json_parse(buf_str(&record), &json, &err) == ST_OK);
    assert(event_parse(json, &event, &err) == ST_OK);
    assert(str_starts(p->key, STR("wx0123456789abcdef:")));
    assert(str_starts(p->type, STR("kabao.wechat.")) && p->type.len < 128);
    assert(strlen(p->id.text) == ID_LEN);
    assert(strstr(record.ptr, "USER_FORM_INFO_FLAG_IDCARD\":") == NULL);
}

static void run(struct push_reader *r, const struct push_query *q, struct str body,
                struct arena *arena)
{
    struct str echo = {0};
    struct push p = {0};
    struct err err = {0};

    if (push_check_url(r, q, arena, &echo, &err) == ST_OK)
        assert(str_is_set(echo));
    if (push_open(r, q, body, arena, &p, &err) == ST_OK)
        check_push(&p);
    else
        assert(strncmp(err.code, "400:", 4) == 0 || strncmp(err.code, "403:", 4) == 0 ||
               strcmp(err.code, "memory") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
    AUTO(push_reader_freep) struct push_reader *reader = NULL;
    struct texts t = {
        .name = "demo", .appid = "wx0123456789abcdef", .drop = "USER_FORM_INFO_FLAG_IDCARD"};
    struct account account = {.name = t.name, .appid = t.appid, .form_fields_drop = t.drop};
    struct push_query q;
    struct str query = {0};
    struct str body = {0};
    struct err err;

    if (size == 0 || size > INPUT_MAX)
        return 0;
    (void)str_cut(str_of(data + 1, size - 1), '\n', &query, &body);
    account.push_mode = data[0] & OPTION_MODE;
    if (push_reader_new(&account, &secrets, &reader, &err) != ST_OK)
        return 0;
    q = read_query(query, &arena);
    if (data[0] & OPTION_AES)
        q.encrypt_type = STR("aes");
    if (data[0] & OPTION_SIGN)
        sign(&q, encrypted_part(data[0], &body, &arena), &t);
    run(reader, &q, body, &arena);
    return 0;
}
