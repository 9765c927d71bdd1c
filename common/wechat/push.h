/* SPDX-License-Identifier: Apache-2.0 */
/* A callback request, checked and taken apart (wechat-api 1, 2). No I/O. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/crypto.h"
#include "codec/xml.h"
#include "config/accounts.h"
#include "model/event.h"
#include "model/id.h"

#include <stdbool.h>

struct crypt;

/* The callback's query parameters, decoded; absent where missing. */
struct push_query {
    struct str signature;
    struct str timestamp;
    struct str nonce;
    struct str echostr;
    struct str encrypt_type;
    struct str msg_signature;
};

/* Per thread and account: contexts that are costly to make. account and secrets are borrowed. */
struct push_reader;
MUST_CHECK enum status push_reader_new(const struct account *account,
                                       const struct account_secrets *secrets,
                                       struct push_reader **out, struct err *err);
void push_reader_free(struct push_reader *r);
DECLARE_FREEP(struct push_reader, push_reader_free)

/* The URL check (GET): *echo is what to answer; an encrypted echostr is decrypted first.
 * ST_REJECT with err->code "403" or "400" as in the answers table of the conventions. */
MUST_CHECK enum status push_check_url(struct push_reader *r, const struct push_query *q,
                                      struct arena *arena, struct str *echo, struct err *err);

struct push {
    bool encrypted;
    int key_index; /* of the AES key that fitted; the reply uses it */
    struct xml xml;
    struct event event; /* everything but fields (see push_write) */
    struct id id;
    struct str key;  /* Kafka key: card key, else "<appid>:<FromUserName>" */
    struct str type; /* ce_type: "kabao.wechat.submit_membercard_user_info" */
};

/* Verifies, decrypts, parses, normalises (trim, strip "qrscene_"), drops form_fields_drop. Memory
 * in the arena, or borrowed from body. ST_REJECT, err->code "403:signature", "403:mode",
 * "400:decrypt", "400:xml", "400:field" ...: the number is the HTTP status, what follows the reason
 * for metrics and log. */
MUST_CHECK enum status push_open(struct push_reader *r, const struct push_query *q, struct str body,
                                 struct arena *arena, struct push *out, struct err *err);
/* The record value with all elements of the push under "fields" (text -> string, nested -> object,
 * repeated -> array), straight through the hot writer. */
void push_write(const struct push *p, struct buf *out);

/* What an answer to an encrypted push is sealed with; borrowed from the reader. */
struct push_seal {
    struct str token;
    struct str frame_appid;
    struct hasher *sha1;
    struct crypt *crypt;
    int key_index; /* the key the push came with */
};
/* p came encrypted through r. */
struct push_seal push_seal_of(const struct push_reader *r, const struct push *p);
