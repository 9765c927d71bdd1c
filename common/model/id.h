/* SPDX-License-Identifier: Apache-2.0 */
/* Identities: of a push, of what is derived from it, of a card. */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "codec/crypto.h"

#include <stddef.h>

enum { ID_LEN = 32, ID_SIZE = 33 };

struct id {
    char text[ID_SIZE]; /* 32 lower-case hex digits, NUL-terminated */
};

/* One leaf element of a push: its path below the root, parts joined by '/'. */
struct id_leaf {
    struct str path;
    struct str text;
    size_t order; /* id_of_push's own: the place in the document */
};

/* First 16 bytes, hex, of SHA-256 over the appid and then every leaf sorted by path (stable:
 * document order within one path), each as path 0x1f text 0x1e. leaves are sorted in place. h is a
 * HASH_SHA256 hasher. */
void id_of_push(struct hasher *h, struct str appid, struct id_leaf *leaves, size_t count,
                struct id *out);
/* SHA-256 of (parent id, 0x1f, step), first 16 bytes, hex. step is one of ours, at most 64 bytes; a
 * parent id of a client's may be of any length: one over 256 bytes stands in as the 64 hex digits
 * of its own SHA-256. */
void id_derive(struct str parent, struct str step, struct id *out);

/* "<appid>:<card_id>:<card_code>"; the absent str when memory is short. */
struct str id_card_key(struct arena *arena, struct str appid, struct str card_id,
                       struct str card_code);
struct str id_user_key(struct arena *arena, struct str appid, struct str openid);
