/* SPDX-License-Identifier: Apache-2.0 */
#include "clients.h"

#include "base/hex.h"
#include "base/mem.h"
#include "config/ini.h"
#include "config/rows.h"
#include "current.h"

#include <string.h>

enum { CLIENTS_MAX = 1024, TOKEN_MAX = 1024, NAME_MAX_BYTES = 64 };

struct client_list;

/* What the file says of one client; client is its first member so that one is found by the other.
 */
struct entry {
    struct api_client client;
    struct client_list *list;
    char *sha256; /* as written */
};

struct client_list {
    struct current_item item;
    size_t count;
    struct entry entries[CLIENTS_MAX];
};

struct clients {
    struct current list;
};

static bool is_sha256(struct str value)
{
    uint8_t bytes[SHA256_LEN];

    return hex_parse(value, bytes, sizeof(bytes));
}

static const struct row_check SHA256_TEXT = {"64 hexadecimal digits", is_sha256};

static const struct row ROWS[] = {
    {"token", "sha256", .type = ROW_TEXT, .offset = offsetof(struct entry, sha256),
     .check = &SHA256_TEXT, .help = "SHA-256 of the bearer token, hexadecimal."},
    {"token", "accounts", .type = ROW_TEXT, .offset = offsetof(struct entry, client.accounts),
     .preset = "*", .help = "Names of accounts, separated by blanks; * is all."},
    {"token", "types", .type = ROW_TEXT, .offset = offsetof(struct entry, client.types),
     .preset = "*", .help = "Types of commands with wildcards, separated by blanks."},
    {"token", "access_token", .type = ROW_BOOL,
     .offset = offsetof(struct entry, client.access_token), .preset = "false",
     .help = "May read the account's access token."},
};

bool api_client_may_use(const struct api_client *client, struct str account)
{
    const struct str accounts = str_from(client->accounts);

    return str_has_word(accounts, STR("*")) || str_has_word(accounts, account);
}

bool api_client_may_ask(const struct api_client *client, struct str type)
{
    return str_has_match(str_from(client->types), type);
}

static void entry_done(struct entry *e)
{
    mem_free(e->client.name);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++)
        row_clear(&ROWS[i], e);
}

static void list_done(void *item)
{
    struct client_list *list = item;

    for (size_t i = 0; i < list->count; i++)
        entry_done(&list->entries[i]);
}

/* Reading */

struct reading {
    const char *path;
    struct client_list *list;
};

static enum status refuse(const struct reading *r, unsigned line, struct err *err, const char *why)
{
    char where[INI_WHERE_SIZE];

    ini_where(r->path, line, where);
    return err_fatal(err, "config", "%s: %s", where, why);
}

static bool is_name(struct str name)
{
    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] > '~')
            return false;
    return true;
}

static enum status preset(struct entry *e, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        enum status rc = ST_OK;

        if (ROWS[i].preset)
            rc = row_set(&ROWS[i], e, str_from(ROWS[i].preset), "default", err);
        if (rc != ST_OK)
            return rc;
    }
    return ST_OK;
}

static enum status begin_client(struct reading *r, struct str section, unsigned line,
                                struct err *err)
{
    struct client_list *list = r->list;
    struct str kind;
    struct str name;
    struct entry *e;

    (void)str_cut(section, ' ', &kind, &name);
    name = str_trim(name);
    if (!str_eq(kind, STR("token")) || !is_name(name))
        return refuse(r, line, err, "sections are [token NAME], the name without blanks");
    if (list->count == CLIENTS_MAX)
        return refuse(r, line, err, "too many clients");
    e = &list->entries[list->count++];
    e->list = list;
    e->client.name = mem_zalloc(name.len + 1);
    if (!e->client.name)
        return err_fatal(err, "memory", "out of memory");
    (void)str_copy(name, e->client.name, name.len + 1);
    return preset(e, err);
}

/* ini_fn */
static enum status take(void *arg, struct str section, struct str key, struct str value,
                        unsigned line, struct err *err)
{
    struct reading *r = arg;
    char where[INI_WHERE_SIZE];

    if (!str_is_set(key))
        return begin_client(r, section, line, err);
    ini_where(r->path, line, where);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++)
        if (str_eq_cstr(key, ROWS[i].key))
            return row_set(&ROWS[i], &r->list->entries[r->list->count - 1], value, where, err);
    return refuse(r, line, err, "known keys are sha256, accounts, types, access_token");
}

static enum status finish(const struct reading *r, struct err *err)
{
    struct client_list *list = r->list;

    for (size_t i = 0; i < list->count; i++) {
        struct entry *e = &list->entries[i];

        if (!e->sha256)
            return err_fatal(err, "config", "%s: [token %s] has no sha256 (kabaoctl api-token new)",
                             r->path, e->client.name);
        (void)hex_parse(str_from(e->sha256), e->client.sha256, SHA256_LEN);
        for (size_t k = 0; k < i; k++)
            if (memcmp(e->client.sha256, list->entries[k].client.sha256, SHA256_LEN) == 0)
                return err_fatal(err, "config", "%s: [token %s] and [token %s] have one sha256",
                                 r->path, list->entries[k].client.name, e->client.name);
    }
    return ST_OK;
}

static enum status list_read(const char *path, void *item, struct err *err)
{
    struct reading r = {.path = path, .list = item};
    enum status rc = ini_read(path, take, &r, NULL, err);

    return rc == ST_OK ? finish(&r, err) : rc;
}

static const struct current_kind LIST = {
    .size = sizeof(struct client_list),
    .read = list_read,
    .done = list_done,
};

enum status clients_open(const char *path, struct clients **out, struct err *err)
{
    struct clients *c = mem_zalloc(sizeof(*c));
    enum status rc;

    if (!c)
        return err_fatal(err, "memory", "out of memory");
    rc = current_init(&c->list, &LIST, path, err);
    if (rc != ST_OK) {
        mem_free(c);
        return rc;
    }
    *out = c;
    return ST_OK;
}

void clients_close(struct clients *c)
{
    if (!c)
        return;
    current_done(&c->list);
    mem_free(c);
}

enum status clients_reload(struct clients *c, struct err *err)
{
    return current_reload(&c->list, err);
}

/* Every entry is looked at, each in constant time: how long it takes says nothing. */
static const struct api_client *find(struct client_list *list, const uint8_t hash[SHA256_LEN])
{
    const struct api_client *found = NULL;

    for (size_t i = 0; i < list->count; i++)
        if (crypto_equal(str_of(hash, SHA256_LEN),
                         str_of(list->entries[i].client.sha256, SHA256_LEN)))
            found = &list->entries[i].client;
    return found;
}

const struct api_client *clients_find(struct clients *c, struct str token)
{
    const struct api_client *client;
    struct client_list *list;
    uint8_t hash[SHA256_LEN];

    if (token.len == 0 || token.len > TOKEN_MAX)
        return NULL;
    sha256(token, hash);
    list = current_acquire(&c->list);
    client = find(list, hash);
    if (!client)
        current_release(list);
    return client;
}

void clients_release(const struct api_client *client)
{
    if (client)
        current_release(((const struct entry *)(const void *)client)->list);
}
