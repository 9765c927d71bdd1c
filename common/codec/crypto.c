/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's EVP layer with algorithms fetched once per object. What can only fail for lack of
 * memory is tried when the object is made, so that the hot calls return nothing. */
#include "codec/crypto.h"

#include "base/mem.h"
#include "base/rand.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

enum { AES_BLOCK = 16, SEAL_OVERHEAD = GCM_NONCE_LEN + GCM_TAG_LEN };

struct hasher {
    EVP_MD *md;
    EVP_MD_CTX *ctx;
};

struct aes_cbc {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *decrypt;
    EVP_CIPHER_CTX *encrypt;
};

static const char *const hash_names[] = {[HASH_SHA1] = "SHA1", [HASH_SHA256] = "SHA256"};

static const unsigned char *bytes_of(struct str s)
{
    return (const unsigned char *)s.ptr;
}

struct hasher *hasher_new(enum hash_kind kind)
{
    AUTO(hasher_freep) struct hasher *h = mem_zalloc(sizeof(*h));

    if (!h)
        return NULL;
    h->md = EVP_MD_fetch(NULL, hash_names[kind], NULL);
    h->ctx = EVP_MD_CTX_new();
    if (!h->md || !h->ctx || EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1)
        return NULL;
    return TAKE(h);
}

void hasher_free(struct hasher *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->ctx);
    EVP_MD_free(h->md);
    mem_free(h);
}

void hasher_start(struct hasher *h)
{
    int ok = EVP_DigestInit_ex2(h->ctx, NULL, NULL);

    assert(ok == 1);
}

void hasher_add(struct hasher *h, struct str data)
{
    int ok = EVP_DigestUpdate(h->ctx, data.ptr, data.len);

    assert(ok == 1);
}

void hasher_finish(struct hasher *h, uint8_t *out)
{
    int ok = EVP_DigestFinal_ex(h->ctx, out, NULL);

    assert(ok == 1);
}

static EVP_MD *fetched[COUNT_OF(hash_names)]; /* once, for the life of the process */

static void fetch_hashes(void)
{
    for (size_t i = 0; i < COUNT_OF(hash_names); i++)
        fetched[i] = EVP_MD_fetch(NULL, hash_names[i], NULL);
}

static void hash_once(enum hash_kind kind, struct str data, uint8_t *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int ok;

    (void)pthread_once(&once, fetch_hashes);
    ok = EVP_Digest(data.ptr, data.len, out, NULL, fetched[kind], NULL);
    assert(ok == 1);
}

void sha1(struct str data, uint8_t out[SHA1_LEN])
{
    hash_once(HASH_SHA1, data, out);
}

void sha256(struct str data, uint8_t out[SHA256_LEN])
{
    hash_once(HASH_SHA256, data, out);
}

void hmac_sha256(struct str key, struct str data, uint8_t out[SHA256_LEN])
{
    const unsigned char *mac;

    assert(key.len <= INT_MAX);
    mac = HMAC(EVP_sha256(), key.ptr, (int)key.len, bytes_of(data), data.len, out, NULL);
    assert(mac);
}

bool crypto_equal(struct str a, struct str b)
{
    return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}

static EVP_CIPHER_CTX *cbc_context(const EVP_CIPHER *cipher, const uint8_t *key, int encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (!ctx)
        return NULL;
    if (EVP_CipherInit_ex2(ctx, cipher, key, NULL, encrypt, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

struct aes_cbc *aes_cbc_new(const uint8_t key[AES256_LEN])
{
    AUTO(aes_cbc_freep) struct aes_cbc *aes = mem_zalloc(sizeof(*aes));

    if (!aes)
        return NULL;
    aes->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (!aes->cipher)
        return NULL;
    aes->decrypt = cbc_context(aes->cipher, key, 0);
    aes->encrypt = cbc_context(aes->cipher, key, 1);
    if (!aes->decrypt || !aes->encrypt)
        return NULL;
    return TAKE(aes);
}

/* EVP_CIPHER_CTX_free overwrites the key schedule. */
void aes_cbc_free(struct aes_cbc *aes)
{
    if (!aes)
        return;
    EVP_CIPHER_CTX_free(aes->decrypt);
    EVP_CIPHER_CTX_free(aes->encrypt);
    EVP_CIPHER_free(aes->cipher);
    mem_free(aes);
}

static bool cbc_run(EVP_CIPHER_CTX *ctx, const uint8_t *iv, struct str data, uint8_t *out)
{
    int written = 0;

    if (data.len % AES_BLOCK != 0 || data.len > INT_MAX)
        return false;
    if (data.len == 0)
        return true;
    if (EVP_CipherInit_ex2(ctx, NULL, NULL, iv, -1, NULL) != 1)
        return false;
    if (EVP_CipherUpdate(ctx, out, &written, bytes_of(data), (int)data.len) != 1)
        return false;
    return (size_t)written == data.len;
}

bool aes_cbc_decrypt(struct aes_cbc *aes, const uint8_t iv[16], struct str data, uint8_t *out)
{
    return cbc_run(aes->decrypt, iv, data, out);
}

bool aes_cbc_encrypt(struct aes_cbc *aes, const uint8_t iv[16], struct str data, uint8_t *out)
{
    return cbc_run(aes->encrypt, iv, data, out);
}

static void gcm_freep(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}

/* A context with key, nonce and additional data taken in; NULL when OpenSSL lacks memory. */
static EVP_CIPHER_CTX *gcm_context(const uint8_t *key, const uint8_t *nonce, struct str aad,
                                   int encrypt)
{
    AUTO(gcm_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int written;

    if (!ctx || aad.len > INT_MAX)
        return NULL;
    if (EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, encrypt, NULL) != 1)
        return NULL;
    if (aad.len > 0 && EVP_CipherUpdate(ctx, NULL, &written, bytes_of(aad), (int)aad.len) != 1)
        return NULL;
    return TAKE(ctx);
}

static bool gcm_run(EVP_CIPHER_CTX *ctx, struct str in, uint8_t *out)
{
    int written = 0;

    if (in.len > INT_MAX)
        return false;
    if (in.len == 0)
        return true;
    return EVP_CipherUpdate(ctx, out, &written, bytes_of(in), (int)in.len) == 1 &&
           (size_t)written == in.len;
}

/* EVP wants a place for the last block, which GCM leaves empty. */
static bool gcm_finish(EVP_CIPHER_CTX *ctx)
{
    uint8_t nothing[AES_BLOCK];
    int written = 0;

    return EVP_CipherFinal_ex(ctx, nothing, &written) == 1;
}

enum status gcm_seal(const uint8_t key[AES256_LEN], struct str aad, struct str plain,
                     struct buf *out, struct err *err)
{
    AUTO(gcm_freep) EVP_CIPHER_CTX *ctx = NULL;
    uint8_t nonce[GCM_NONCE_LEN];
    uint8_t *sealed;
    uint8_t *body;

    rand_bytes(nonce, sizeof(nonce));
    ctx = gcm_context(key, nonce, aad, 1);
    sealed = (uint8_t *)buf_room(out, plain.len + SEAL_OVERHEAD);
    if (!ctx || !sealed)
        return err_retry(err, "memory", "no memory to seal %zu bytes", plain.len);
    memcpy(sealed, nonce, sizeof(nonce));
    body = sealed + GCM_NONCE_LEN;
    if (!gcm_run(ctx, plain, body) || !gcm_finish(ctx) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, body + plain.len) != 1) {
        buf_grew(out, 0);
        return err_retry(err, "crypto:gcm", "sealing %zu bytes failed", plain.len);
    }
    buf_grew(out, plain.len + SEAL_OVERHEAD);
    return ST_OK;
}

/* EVP only reads the tag although its control call takes it as non-const: hence the copy. */
static bool gcm_check(EVP_CIPHER_CTX *ctx, const char *tag)
{
    uint8_t copy[GCM_TAG_LEN];

    memcpy(copy, tag, sizeof(copy));
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, copy) == 1 &&
           gcm_finish(ctx);
}

enum status gcm_open(const uint8_t key[AES256_LEN], struct str aad, struct str sealed,
                     struct buf *out, struct err *err)
{
    AUTO(gcm_freep) EVP_CIPHER_CTX *ctx = NULL;
    struct str body;
    char *room;

    if (sealed.len < SEAL_OVERHEAD)
        return err_reject(err, REASON_MALFORMED, "crypto:gcm", "sealed text is too short");
    body = str_of(sealed.ptr + GCM_NONCE_LEN, sealed.len - SEAL_OVERHEAD);
    room = buf_room(out, body.len);
    if (!room)
        return err_retry(err, "memory", "no room for %zu opened bytes", body.len);
    ctx = gcm_context(key, bytes_of(sealed), aad, 0);
    if (!ctx)
        return err_retry(err, "memory", "no memory to open %zu bytes", sealed.len);
    if (!gcm_run(ctx, body, (uint8_t *)room) || !gcm_check(ctx, body.ptr + body.len)) {
        /* What was decrypted before the tag was judged must not stay readable. */
        OPENSSL_cleanse(room, body.len);
        buf_grew(out, 0);
        return err_reject(err, REASON_MALFORMED, "crypto:gcm", "wrong key or altered bytes");
    }
    buf_grew(out, body.len);
    return ST_OK;
}
