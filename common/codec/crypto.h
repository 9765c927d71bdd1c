/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, ciphers, comparison (OpenSSL 3 behind). Contexts are fetched once and reused: an implicit
 * fetch costs 3-4 times the hash itself (measurements 2). */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA1_LEN = 20, SHA256_LEN = 32, GCM_NONCE_LEN = 12, GCM_TAG_LEN = 16, AES256_LEN = 32 };

/* One per thread: a hash that can be restarted cheaply. */
struct hasher;

enum hash_kind { HASH_SHA1, HASH_SHA256 };
struct hasher *hasher_new(enum hash_kind kind); /* NULL when memory is short */
void hasher_free(struct hasher *h);
DECLARE_FREEP(struct hasher, hasher_free)
void hasher_start(struct hasher *h);
void hasher_add(struct hasher *h, struct str data);
void hasher_finish(struct hasher *h, uint8_t *out); /* SHA1_LEN or SHA256_LEN bytes */

/* One-shot forms for paths that are not hot. */
void sha1(struct str data, uint8_t out[SHA1_LEN]);
void sha256(struct str data, uint8_t out[SHA256_LEN]);
void hmac_sha256(struct str key, struct str data, uint8_t out[SHA256_LEN]);

/* Constant time for equal lengths; false for different ones. */
bool crypto_equal(struct str a, struct str b);

/* AES-256-CBC without padding, key schedule kept, one per thread. */
struct aes_cbc;
struct aes_cbc *aes_cbc_new(const uint8_t key[AES256_LEN]);
void aes_cbc_free(struct aes_cbc *aes); /* wipes */
DECLARE_FREEP(struct aes_cbc, aes_cbc_free)
/* len must be a multiple of 16 and out hold as much; false otherwise. */
bool aes_cbc_decrypt(struct aes_cbc *aes, const uint8_t iv[16], struct str data, uint8_t *out);
bool aes_cbc_encrypt(struct aes_cbc *aes, const uint8_t iv[16], struct str data, uint8_t *out);

/* AES-256-GCM: appends nonce, ciphertext and tag to out. */
MUST_CHECK enum status gcm_seal(const uint8_t key[AES256_LEN], struct str aad, struct str plain,
                                struct buf *out, struct err *err);
/* The reverse; ST_REJECT when anything does not fit (wrong key, changed bytes, too short). */
MUST_CHECK enum status gcm_open(const uint8_t key[AES256_LEN], struct str aad, struct str sealed,
                                struct buf *out, struct err *err);
