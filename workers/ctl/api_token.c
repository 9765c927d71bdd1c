/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl api-token new NAME: a client of the HTTP API. The token is printed once; api_tokens_file
 * gets its hash. The file is replaced whole, so that a reader has the old one or the new one. */
#include "app/app.h"
#include "base/hex.h"
#include "base/rand.h"
#include "codec/base64.h"
#include "codec/crypto.h"
#include "codec/jsonw.h"
#include "config/ini.h"
#include "config/secret.h"
#include "ctl.h"
#include "replace.h"

#include <stdio.h>
#include <string.h>

enum { TOKEN_BYTES = 32, TOKEN_TEXT_MAX = 64, NAME_MAX_BYTES = 64, FILE_MAX = 256 * 1024 };

enum { MODE_NEW = 0600, LINE_MAX_BYTES = 1024 };

#define LOWER_CASE "abcdefghijklmnopqrstuvwxyz0123456789"

static bool consists_of(struct str text, const char *letters)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\0' || !strchr(letters, text.ptr[i]))
            return false;
    return text.len > 0;
}

static bool is_account(const struct settings *settings, struct str name)
{
    for (size_t i = 0; i < settings->account_count; i++)
        if (str_eq_cstr(name, settings->accounts[i].name))
            return true;
    return str_eq(name, STR("*"));
}

/* EXIT_DONE, or told. A name that this installation does not have is most likely misspelt. */
static int check_words(const struct ctl *ctl)
{
    struct str name = str_from(ctl->words[1]);
    struct str rest = ctl->accounts;
    struct str word;

    if (strcmp(ctl->words[0], "new") != 0)
        return ctl_usage("api-token new NAME");
    if (name.len > NAME_MAX_BYTES || !consists_of(name, LOWER_CASE "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-"))
        return ctl_usage("NAME is 1 to 64 of letters, digits, '.', '_', '-'");
    while (str_cut(rest, ' ', &word, &rest))
        if (!is_account(ctl->settings, word))
            return ctl_usage("--accounts takes names of the settings separated by blanks, or *");
    if (str_is_set(ctl->types) &&
        (str_is_empty(str_trim(ctl->types)) || !consists_of(ctl->types, LOWER_CASE "._* ")))
        return ctl_usage("--types takes types separated by blanks; * stands for anything");
    return EXIT_DONE;
}

struct name_search {
    struct str name;
    bool found;
};

/* ini_fn; names differ in more than the case of their letters (config/ini.h). */
static enum status look_at(void *arg, struct str section, struct str key, struct str value UNUSED,
                           unsigned line UNUSED, struct err *err UNUSED)
{
    struct name_search *search = arg;
    struct str kind;
    struct str name;

    (void)str_cut(section, ' ', &kind, &name);
    if (!str_is_set(key) && str_ieq(str_trim(name), search->name))
        search->found = true;
    return ST_OK;
}

/* The file as it stands, once it is known that the name is free. */
static enum status read_old(const struct replacement *f, const char *name, struct buf *out,
                            struct err *err)
{
    struct name_search search = {.name = str_from(name)};
    enum status rc;

    if (!f->exists)
        return ST_OK;
    rc = ini_read(f->path, look_at, &search, NULL, err);
    if (rc == ST_OK && search.found)
        return err_reject(err, REASON_REJECTED, "name", "[token %s] is in %s already", name,
                          f->path);
    return rc == ST_OK ? secret_file_read(f->path, out, err) : rc;
}

static void add_section(const struct ctl *ctl, struct str token, struct buf *out)
{
    uint8_t hash[SHA256_LEN];
    char digits[2 * SHA256_LEN + 1];

    sha256(token, hash);
    hex_format(hash, sizeof(hash), digits);
    if (out->len > 0)
        buf_add_cstr(out, out->ptr[out->len - 1] == '\n' ? "\n" : "\n\n");
    buf_addf(out, "[token %s]\nsha256 = %s\n", ctl->words[1], digits);
    if (str_is_set(ctl->accounts))
        buf_addf(out, "accounts = %.*s\n", STR_ARG(ctl->accounts));
    if (str_is_set(ctl->types))
        buf_addf(out, "types = %.*s\n", STR_ARG(ctl->types));
    if (ctl->access_token)
        buf_add_cstr(out, "access_token = true\n");
}

static enum status add_client(const struct ctl *ctl, struct str token, struct err *err)
{
    AUTO(replace_done) struct replacement file = REPLACEMENT_INIT;
    AUTO(buf_done) struct buf text = BUF_INIT(FILE_MAX);
    enum status rc = replace_begin(&file, ctl->settings->ingress.api_tokens_file, MODE_NEW, err);

    if (rc == ST_OK)
        rc = read_old(&file, ctl->words[1], &text, err);
    if (rc != ST_OK)
        return rc;
    add_section(ctl, token, &text);
    if (!buf_ok(&text))
        return err_fatal(err, "config", "%s would be larger than 256 KiB", file.path);
    rc = replace_fill(&file, buf_str(&text), err);
    return rc == ST_OK ? replace_end(&file, err) : rc;
}

/* Base64 for URLs, without padding (RFC 4648, 5). */
static void make_token(struct buf *out)
{
    uint8_t bytes[TOKEN_BYTES];

    rand_bytes(bytes, sizeof(bytes));
    base64_format(bytes, sizeof(bytes), out);
    explicit_bzero(bytes, sizeof(bytes));
    while (out->len > 0 && out->ptr[out->len - 1] == '=')
        out->ptr[--out->len] = '\0';
    for (size_t i = 0; i < out->len; i++) {
        if (out->ptr[i] == '+')
            out->ptr[i] = '-';
        else if (out->ptr[i] == '/')
            out->ptr[i] = '_';
    }
}

/* The token alone on standard output, so that a script can take it. */
static bool print_token(const struct ctl *ctl, struct str token)
{
    AUTO(buf_done_secret) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct jsonw w = {.out = &line};

    if (ctl->json) {
        jsonw_object(&w);
        jsonw_key_str(&w, "name", str_from(ctl->words[1]));
        jsonw_key_str(&w, "token", token);
        jsonw_object_end(&w);
    } else {
        buf_add(&line, token);
    }
    (void)printf("%.*s\n", STR_ARG(buf_str(&line)));
    return buf_ok(&line) && fflush(stdout) == 0;
}

static int make_client(const struct ctl *ctl)
{
    AUTO(buf_done_secret) struct buf token = BUF_INIT(TOKEN_TEXT_MAX);
    const char *path = ctl->settings->ingress.api_tokens_file;
    struct err err = {0};
    enum status rc;

    make_token(&token);
    if (!buf_ok(&token))
        return EXIT_INTERNAL;
    rc = add_client(ctl, buf_str(&token), &err);
    if (rc != ST_OK) {
        int code = ctl_fail(rc, &err);

        return rc == ST_REJECT ? EXIT_USAGE : code;
    }
    if (!print_token(ctl, buf_str(&token))) {
        (void)fprintf(stderr, "kabaoctl: the token was not printed; remove [token %s] from %s\n",
                      ctl->words[1], path);
        return EXIT_INTERNAL;
    }
    (void)fprintf(stderr,
                  "This is shown once; %s has its SHA-256 only.\n"
                  "kabao-ingress takes it at its next start or after SIGHUP.\n",
                  path);
    return EXIT_DONE;
}

int ctl_api_token(const struct ctl *ctl)
{
    int code = check_words(ctl);

    if (code != EXIT_DONE)
        return code;
    if (!ctl->settings->ingress.api_tokens_file) {
        (void)fprintf(stderr, "kabaoctl: [ingress] api_tokens_file is not set\n");
        return EXIT_CONFIG;
    }
    if (!ctl_confirm(ctl, "Add a client to api_tokens_file?"))
        return EXIT_USAGE;
    return make_client(ctl);
}
