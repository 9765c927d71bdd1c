/* SPDX-License-Identifier: Apache-2.0 */
/* Personal data made unreadable, as kabaoctl shows it without --reveal. */
#pragma once

#include "codec/json.h"
#include "codec/jsonw.h"

#include <stdbool.h>

/* Whether what stands under this name, anywhere in a record, a row or WeChat's XML, says who a
 * person is, how to reach them, or what they wrote: openid, unionid, names, telephone numbers,
 * form values, messages. Upper case and underscores do not matter. Not card codes and membership
 * numbers, which operators search by. */
bool mask_is_personal(struct str name);
/* Enough to tell two apart: the first two and last two characters of eight or more; of a shorter
 * text, or one that is not UTF-8, nothing. Empty stays empty. */
void mask_text(struct buf *out, struct str value);
/* A record's key: of "<appid>:<openid>", and of an openid alone, the openid is masked; card keys
 * and everything else stay. */
void mask_key(struct buf *out, struct str key);
/* Copies; texts and numbers under a personal name are masked texts, at any depth. Of a form's field
 * its name stays. */
void mask_json(struct jsonw *w, const struct json *value);
