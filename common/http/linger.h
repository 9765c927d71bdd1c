/* SPDX-License-Identifier: Apache-2.0 */
/* Refusing a request before it was read. Closing a connection with unread bytes resets it, which
 * can take the refusal with it; so what the client still sends is read and thrown away for a
 * while. */
#pragma once

#include "base/attr.h"
#include "base/loop.h"
#include "http/server.h"

struct http_linger;

struct http_linger *http_linger_new(struct loop *loop); /* NULL when memory is short */
void http_linger_free(struct http_linger *l);           /* cuts what is left; NULL is fine */

/* Writes a short answer (400, 401, 413, 503 with Retry-After: 1) on a connection on which no answer
 * has been begun, and ends its sending side. fd stays the caller's, to be closed right after. */
void http_linger_refuse(struct http_linger *l, int fd, const struct http_refusal *refusal);
