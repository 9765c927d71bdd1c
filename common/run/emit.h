/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler may send on: one constant per kind of record. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "kafka/topics.h"

#include <stdbool.h>

/* How a record is addressed; texts live as long as the record or the arena. */
struct emit_address {
    struct str key;
    struct str appid;
    struct str subject; /* the card's code, where there is one */
};

struct emit {
    enum topic topic;
    const char *type;       /* ce_type */
    const char *dataschema; /* the schema's $id */
    const char *step;       /* the record's id derives from the parent's and this */
    bool news;              /* several may come of one parent: each has an id by chance instead */
    void (*write)(const void *record, struct buf *out);
    bool (*address)(const void *record, struct arena *arena,
                    struct emit_address *out); /* false: no memory */
};

extern const struct emit EMIT_MEMBER;      /* struct member */
extern const struct emit EMIT_TOKEN_STATE; /* struct token_state */
extern const struct emit EMIT_TOKEN_BAD;   /* struct token_bad */
