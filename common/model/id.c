/* SPDX-License-Identifier: Apache-2.0 */
/* Identities are hashes of business content, so that every attempt and every consumer agrees. */
#include "model/id.h"

#include "base/hex.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Neither byte can stand in an XML document. */
#define PATH_END STR("\x1f")
#define TEXT_END STR("\x1e")

enum { PARENT_MAX = 256, STEP_MAX = 64, BATCH_SIZE = 2048 };

static int compare_leaves(const void *a, const void *b)
{
    const struct id_leaf *x = a;
    const struct id_leaf *y = b;
    int by_path = str_cmp(x->path, y->path);

    if (by_path != 0)
        return by_path;
    return x->order < y->order ? -1 : 1;
}

static void id_format(const uint8_t hash[SHA256_LEN], struct id *out)
{
    hex_format(hash, ID_LEN / 2, out->text);
}

static size_t put(char *at, struct str s)
{
    if (s.len > 0)
        memcpy(at, s.ptr, s.len);
    return s.len;
}

/* Gathers small pieces: each call of the hasher costs more than hashing a name does. */
struct batch {
    struct hasher *hasher;
    size_t len;
    char bytes[BATCH_SIZE];
};

static void batch_flush(struct batch *b)
{
    hasher_add(b->hasher, str_of(b->bytes, b->len));
    b->len = 0;
}

static void batch_add(struct batch *b, struct str s)
{
    if (s.len > sizeof(b->bytes) - b->len)
        batch_flush(b);
    if (s.len > sizeof(b->bytes))
        hasher_add(b->hasher, s);
    else
        b->len += put(b->bytes + b->len, s);
}

void id_of_push(struct hasher *h, struct str appid, struct id_leaf *leaves, size_t count,
                struct id *out)
{
    uint8_t hash[SHA256_LEN];
    struct batch b;

    b.hasher = h;
    b.len = 0;
    for (size_t i = 0; i < count; i++)
        leaves[i].order = i;
    if (count > 1)
        qsort(leaves, count, sizeof(*leaves), compare_leaves);
    hasher_start(h);
    batch_add(&b, appid);
    for (size_t i = 0; i < count; i++) {
        batch_add(&b, leaves[i].path);
        batch_add(&b, PATH_END);
        batch_add(&b, leaves[i].text);
        batch_add(&b, TEXT_END);
    }
    batch_flush(&b);
    hasher_finish(h, hash);
    id_format(hash, out);
}

void id_derive(struct str parent, struct str step, struct id *out)
{
    char stand_in[2 * SHA256_LEN + 1];
    char joined[PARENT_MAX + 1 + STEP_MAX];
    uint8_t hash[SHA256_LEN];
    size_t len;

    assert(step.len <= STEP_MAX);
    if (parent.len > PARENT_MAX) {
        sha256(parent, hash);
        hex_format(hash, SHA256_LEN, stand_in);
        parent = str_from(stand_in);
    }
    len = put(joined, parent);
    len += put(joined + len, PATH_END);
    len += put(joined + len, step);
    sha256(str_of(joined, len), hash);
    id_format(hash, out);
}

static struct str join(struct arena *arena, const struct str *parts, size_t count)
{
    size_t size = 0;
    size_t len = 0;
    char *text;

    for (size_t i = 0; i < count; i++)
        size += parts[i].len + 1;
    text = arena_alloc(arena, size);
    if (text == NULL)
        return (struct str){0};
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text[len++] = ':';
        len += put(text + len, parts[i]);
    }
    return str_of(text, len);
}

struct str id_card_key(struct arena *arena, struct str appid, struct str card_id,
                       struct str card_code)
{
    const struct str parts[] = {appid, card_id, card_code};

    return join(arena, parts, COUNT_OF(parts));
}

struct str id_user_key(struct arena *arena, struct str appid, struct str openid)
{
    const struct str parts[] = {appid, openid};

    return join(arena, parts, COUNT_OF(parts));
}
