/* SPDX-License-Identifier: Apache-2.0 */
/* The types of cmd.wechat: the calls of calls.c that are offered to others, kabao's own, and each
 * [command NAME] of the settings, with the schemas of their bodies. What the ingress refuses and
 * what the worker refuses is decided here. */
#pragma once

#include "codec/schema.h"
#include "config/settings.h"
#include "wechat/calls.h"

#include <stdbool.h>

struct command_type {
    const struct call *call;   /* type, path, nature, irreversible; path NULL: one of kabao's own
                                  (member.find, verify.send) */
    const struct schema *body; /* NULL: a [command NAME] without schema_file, any object will do */
    bool is_ours;              /* the body is ours, not WeChat's (media.uploadimg) */
};

struct commands;

/* Compiles every schema: the built-in ones (schemas/commands, part of the program) and those of
 * schema_file (64 KiB each at most); some milliseconds. ST_FATAL: a NAME that is a built-in type or
 * reserved, a file that cannot be read or is no schema of our subset; err names section, file and
 * remedy. Borrows settings. */
MUST_CHECK enum status commands_open(const struct settings *settings, struct commands **out,
                                     struct err *err);
void commands_close(struct commands *c); /* NULL is fine */
DECLARE_FREEP(struct commands, commands_close)

/* NULL: no such type. Thread-safe, as everything below. */
const struct command_type *commands_find(const struct commands *c, struct str type);
/* All of them, sorted by type. */
const struct command_type *commands_all(const struct commands *c, size_t *count);

/* The nature of the call for this body (NULL: none): the row's, but NATURE_REPEATABLE for a
 * member.update that the member is not told of. Of NATURE_ONCE a caller over HTTP has to bring an
 * Idempotency-Key. */
enum nature command_nature(const struct command_type *type, const struct json *body);

/* A whole value of cmd.wechat: its schema, the type, the body's schema (an absent body is {}),
 * confirm. ST_OK: *type is set. ST_REJECT, REASON_SCHEMA, fault filled (never NULL; pointers into
 * the value: "/body/card_id"); err->code is "schema", "type" (unknown), or "confirm" (pointer
 * "/confirm"). ST_RETRY: no memory. Account, reply_to and deadline are the callers' to judge. */
MUST_CHECK enum status command_check(const struct commands *c, const struct json *value,
                                     const struct command_type **type, struct schema_fault *fault,
                                     struct err *err);
