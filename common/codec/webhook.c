/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/webhook.h"

#include "codec/base64.h"
#include "codec/crypto.h"

#include <string.h>

enum { HEAD_MAX = 64, PADDING_MAX = 2 };

enum status webhook_key_parse(const char *setting, struct str secret, struct webhook_key *out,
                              struct err *err)
{
    AUTO(buf_done_secret) struct buf key = BUF_INIT(WEBHOOK_KEY_MAX + PADDING_MAX);
    const struct str prefix = STR("whsec_");

    if (!str_starts(secret, prefix))
        return err_fatal(err, "config", "%s does not hold whsec_ and Base64", setting);
    if (!base64_parse(str_skip(secret, prefix.len), &key) || key.len < WEBHOOK_KEY_MIN ||
        key.len > WEBHOOK_KEY_MAX)
        return err_fatal(err, "config", "%s does not hold %d to %d bytes in Base64 after whsec_",
                         setting, WEBHOOK_KEY_MIN, WEBHOOK_KEY_MAX);
    memcpy(out->bytes, key.ptr, key.len);
    out->len = key.len;
    return ST_OK;
}

void webhook_key_done(struct webhook_key *key)
{
    explicit_bzero(key, sizeof(*key));
}

void webhook_sign(const struct webhook_key *keys, size_t count, struct str id, int64_t timestamp_s,
                  struct str body, struct buf *out)
{
    AUTO(buf_done) struct buf content = BUF_INIT(id.len + body.len + HEAD_MAX);
    uint8_t mac[SHA256_LEN];

    buf_add(&content, id);
    buf_add_char(&content, '.');
    buf_add_i64(&content, timestamp_s);
    buf_add_char(&content, '.');
    buf_add(&content, body);
    out->failed = out->failed || !buf_ok(&content);
    for (size_t i = 0; i < count && buf_ok(out); i++) {
        hmac_sha256(str_of(keys[i].bytes, keys[i].len), buf_str(&content), mac);
        buf_add_cstr(out, i > 0 ? " v1," : "v1,");
        base64_format(mac, sizeof(mac), out);
    }
}
