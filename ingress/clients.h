/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use the HTTP API: [token NAME] sections of api_tokens_file, read anew on SIGHUP. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_client {
    char *name;
    uint8_t sha256[SHA256_LEN]; /* of the bearer token */
    char *accounts;             /* names separated by blanks, "*": all */
    char *types;                /* types with wildcards, separated by blanks */
    bool access_token;
};

bool api_client_may_use(const struct api_client *client, struct str account);
bool api_client_may_ask(const struct api_client *client, struct str type);

struct clients;

/* ST_FATAL names file, line and remedy. Thread-safe; who reads holds a list until clients_release,
 * so a reload never takes it away. */
MUST_CHECK enum status clients_open(const char *path, struct clients **out, struct err *err);
void clients_close(struct clients *c); /* NULL is fine */
/* A file that is wrong leaves the old list: ST_REJECT with the reason. */
MUST_CHECK enum status clients_reload(struct clients *c, struct err *err);
/* The client with this bearer token, held until clients_release; NULL: nobody. */
const struct api_client *clients_find(struct clients *c, struct str token);
void clients_release(const struct api_client *client);
