/* SPDX-License-Identifier: Apache-2.0 */
/* What several parts of the API do on their way; each has answered the request where it is false.
 */
#pragma once

#include "api.h"
#include "wechat/tokens.h"

#include <stdbool.h>

#define HTTP_SCHEMA(name) "https://schemas.kabao.example/http/" name ".v1.schema.json"

/* The body fits the schema with this $id, one of schemas/http; else 422 with the place at fault. */
bool api_fits(struct api_request *r, const char *schema_id);
/* The token or ticket of r->account, for the caller to wipe; else 503. */
bool api_ticket(struct api_request *r, enum token_kind kind, struct token_entry *out);
/* There is a key to read tokens with; else 503, which names the setting. */
bool api_has_tickets(struct api_request *r);
