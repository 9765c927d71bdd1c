/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and keys of pushes and replies (wechat-api 1.1, 1.3, 1.4). */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "wechat/crypt.h"

#include <stddef.h>

enum { SIM_SIGNATURE_SIZE = 40 + 1 };

enum sim_mode { SIM_PLAIN, SIM_COMPATIBLE, SIM_SECURE };

bool sim_mode_parse(struct str name, enum sim_mode *out); /* "plain", ...; false: no mode */
const char *sim_mode_name(enum sim_mode mode);            /* static */
/* Lower-case hex SHA-1 of the parts, which are put in order for it. */
void sim_sign(struct str parts[], size_t count, char out[SIM_SIGNATURE_SIZE]);
/* The key's last character may carry spare bits. ST_FATAL: not 43 characters of Base64. */
MUST_CHECK enum status sim_crypt_open(const char *aes_key, struct crypt **out, struct err *err);
