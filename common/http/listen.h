/* SPDX-License-Identifier: Apache-2.0 */
/* A listening TCP socket from "host:port". */
#pragma once

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (every address); port 0 takes a free one. *fd is the
 * caller's, non-blocking; *port is the one in use. ST_FATAL names the address. */
MUST_CHECK enum status http_listen(const char *address, bool reuse_port, int *fd, int *port,
                                   struct err *err);
