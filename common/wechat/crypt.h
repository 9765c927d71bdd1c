/* SPDX-License-Identifier: Apache-2.0 */
/* The AES frame of pushes and replies (wechat-api 1.4): 16 random bytes, length, message, appid;
 * PKCS#7 to 32. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

struct crypt; /* one account's keys with their schedules; one per thread */

/* keys: current first, then previous (1 or 2). NULL: no memory. */
struct crypt *crypt_new(const uint8_t (*keys)[32], int key_count);
void crypt_free(struct crypt *c); /* wipes */
DECLARE_FREEP(struct crypt, crypt_free)

/* Decrypts the Base64 text of <Encrypt>: the current key, then the previous; a key fits when the
 * padding, the length and the appid all do. message is in the arena; *key_index tells which key
 * fitted. Any failure is the one ST_REJECT "crypt:frame" without detail (padding oracle). Call only
 * after msg_signature was checked. */
MUST_CHECK enum status crypt_open(struct crypt *c, struct str encrypt, struct str appid,
                                  struct arena *arena, struct str *message, int *key_index,
                                  struct err *err);
/* The reverse with fresh random bytes; Base64 text in the arena. */
MUST_CHECK enum status crypt_seal(struct crypt *c, int key_index, struct str message,
                                  struct str appid, struct arena *arena, struct str *encrypt,
                                  struct err *err);
