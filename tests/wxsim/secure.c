/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/secure.h"

#include "base/buf.h"
#include "base/hex.h"
#include "codec/base64.h"
#include "codec/crypto.h"

#include <string.h>

enum { AES_KEY_TEXT = 43, SIGNED_MAX = 16 * 1024 * 1024 };

static const char *const modes[] = {
    [SIM_PLAIN] = "plain", [SIM_COMPATIBLE] = "compatible", [SIM_SECURE] = "secure"};

const char *sim_mode_name(enum sim_mode mode)
{
    return modes[mode];
}

bool sim_mode_parse(struct str name, enum sim_mode *out)
{
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if (!str_eq_cstr(name, modes[i]))
            continue;
        *out = (enum sim_mode)i;
        return true;
    }
    return false;
}

void sim_sign(struct str parts[], size_t count, char out[SIM_SIGNATURE_SIZE])
{
    AUTO(buf_done) struct buf text = BUF_INIT(SIGNED_MAX);
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

enum status sim_crypt_open(const char *aes_key, struct crypt **out, struct err *err)
{
    AUTO(buf_done_secret) struct buf text = BUF_INIT(AES_KEY_TEXT + 1);
    AUTO(buf_done_secret) struct buf bytes = BUF_INIT(64);
    uint8_t key[1][32];

    buf_add_cstr(&text, aes_key);
    buf_add_char(&text, '=');
    if (!buf_ok(&text) || !base64_parse(buf_str(&text), &bytes) || bytes.len != sizeof(key[0]))
        return err_fatal(err, "aes_key", "an AES key is 43 characters of Base64");
    memcpy(key[0], bytes.ptr, sizeof(key[0]));
    *out = crypt_new((const uint8_t(*)[32])key, 1);
    explicit_bzero(key, sizeof(key));
    return *out != NULL ? ST_OK : err_fatal(err, "memory", "no memory for a key");
}
