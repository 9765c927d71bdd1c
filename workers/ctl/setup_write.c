/* SPDX-License-Identifier: Apache-2.0 */
#include "setup_write.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/rand.h"
#include "codec/base64.h"
#include "config/accounts.h"
#include "config/ini.h"
#include "config/secret.h"
#include "config/settings.h"
#include "replace.h"
#include "wechat/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 256 * 1024, /* what ini_read takes */
    SEAL_KEY_LEN = 32,
    SECRETS_MAX = 4,
    MODE_FOLDER = 0700,
    MODE_SECRET = 0600,
    MODE_SETTINGS = 0640,
};

/* Paths */

static enum status join(char out[PATH_MAX], const char *folder, const char *name, const char *end,
                        struct err *err)
{
    const int len = snprintf(out, PATH_MAX, "%s/%s%s", folder, name, end);

    if (len < 0 || len >= PATH_MAX)
        return err_fatal(err, "config", "the path of %s%s is too long", name, end);
    return ST_OK;
}

/* The settings need not be there; their folder must. */
static enum status find_settings(struct setup_files *files, const char *path, struct err *err)
{
    char copy[PATH_MAX];
    char folder[PATH_MAX];
    char *slash;

    if (files->has_settings)
        return realpath(path, files->settings) ? ST_OK : err_errno(err, ST_FATAL, errno, path);
    if (!str_copy(str_from(path), copy, sizeof(copy)))
        return err_fatal(err, "config", "the path of the settings is too long");
    slash = strrchr(copy, '/');
    if (slash)
        *slash = '\0';
    if (!realpath(!slash ? "." : slash == copy ? "/" : copy, folder))
        return err_errno(err, ST_FATAL, errno, path);
    return join(files->settings, strcmp(folder, "/") == 0 ? "" : folder, slash ? slash + 1 : copy,
                "", err);
}

enum status setup_files_find(struct setup_files *files, const char *path, const char *account,
                             const struct settings *old, struct err *err)
{
    const char *seal = old ? old->token.seal_key_file : NULL;
    char folder[PATH_MAX];
    enum status rc;

    *files = (struct setup_files){
        .account = account, .has_settings = old != NULL, .has_seal_key = seal != NULL};
    rc = find_settings(files, path, err);
    if (rc != ST_OK)
        return rc;
    (void)str_copy(str_from(files->settings), folder, sizeof(folder));
    *strrchr(folder, '/') = '\0';
    rc = join(files->secrets, folder, "secrets", "", err);
    if (rc == ST_OK)
        rc = join(files->secret, files->secrets, account, ".appsecret", err);
    if (rc == ST_OK)
        rc = join(files->token, files->secrets, account, ".token", err);
    if (rc == ST_OK)
        rc = join(files->aes_key, files->secrets, account, ".aeskey", err);
    if (rc == ST_OK && !seal)
        rc = join(files->seal_key, files->secrets, "seal", ".key", err);
    if (rc == ST_OK && seal && !str_copy(str_from(seal), files->seal_key, PATH_MAX))
        rc = err_fatal(err, "config", "[token] seal_key_file: the path is too long");
    return rc;
}

static enum status keep_one(const char *path, enum setup_answer i, struct setup_answers *answers,
                            struct err *err)
{
    AUTO(buf_done_secret) struct buf text = BUF_INIT(FILE_MAX);
    enum status rc;

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return ST_OK;
    rc = secret_read("a secret that is there already", path, &text, err);
    if (rc != ST_OK)
        return rc;
    if (!setup_accepts(i, buf_str(&text)) ||
        !str_copy(buf_str(&text), answers->text[i], SETUP_ANSWER_SIZE))
        return err_reject(err, REASON_REJECTED, "config",
                          "%s is there, but cannot be what its name says: remove it", path);
    answers->kept[i] = true;
    return ST_OK;
}

enum status setup_files_keep(const struct setup_files *files, struct setup_answers *answers,
                             struct err *err)
{
    enum status rc = keep_one(files->secret, SETUP_SECRET, answers, err);

    if (rc == ST_OK)
        rc = keep_one(files->token, SETUP_TOKEN, answers, err);
    return rc == ST_OK ? keep_one(files->aes_key, SETUP_AES_KEY, answers, err) : rc;
}

/* Settings */

/* ini_fn: the line of [token]. */
static enum status find_token_section(void *arg, struct str section, struct str key,
                                      struct str value UNUSED, unsigned line,
                                      struct err *err UNUSED)
{
    unsigned *at = arg;

    if (!str_is_set(key) && str_ieq(section, STR("token")))
        *at = line;
    return ST_OK;
}

/* Where the line ends, its end included; 0 for line 0. */
static size_t end_of_line(struct str text, unsigned line)
{
    struct str rest = text;
    size_t at;

    for (; line > 0 && str_find(rest, STR("\n"), &at); line--)
        rest = str_skip(rest, at + 1);
    return line > 0 ? text.len : text.len - rest.len;
}

static void add_break(struct buf *out)
{
    if (out->len > 0 && out->ptr[out->len - 1] != '\n')
        buf_add_char(out, '\n');
}

static void add_account(const struct setup_files *files, const struct setup_answers *answers,
                        struct buf *out)
{
    buf_addf(out, "\n[account %s]\nappid = %s\n", files->account, answers->text[SETUP_APPID]);
    if (answers->text[SETUP_ORIGINAL_ID][0] != '\0')
        buf_addf(out, "original_id = %s\n", answers->text[SETUP_ORIGINAL_ID]);
    buf_addf(out, "secret_file = %s\ncallback_token_file = %s\n", files->secret, files->token);
    if (!setup_is_plain(answers))
        buf_addf(out, "aes_key_file = %s\n", files->aes_key);
    buf_addf(out, "push_mode = %s\n", answers->text[SETUP_PUSH_MODE]);
}

/* The old text with what is missing; not a byte of it changes. */
static enum status compose(const struct setup_files *files, enum setup_lang lang,
                           const struct setup_answers *answers, struct buf *out, struct err *err)
{
    const struct setup_word words[] = {{"secrets", str_from(files->secrets)}, {NULL, {0}}};
    AUTO(buf_done_secret) struct buf old = BUF_INIT(FILE_MAX);
    unsigned token_line = 0;
    enum status rc = ST_OK;
    size_t cut = 0;

    if (!files->has_settings)
        setup_say(lang, TEXT_NEW_FILE, words, &old);
    else
        rc = secret_file_read(files->settings, &old, err);
    if (rc == ST_OK && files->has_settings && !files->has_seal_key)
        rc = ini_read(files->settings, find_token_section, &token_line, NULL, err);
    if (rc != ST_OK)
        return rc;
    cut = end_of_line(buf_str(&old), token_line);
    buf_add(out, str_of(buf_str(&old).ptr, cut));
    if (token_line > 0) {
        add_break(out);
        buf_addf(out, "seal_key_file = %s\n", files->seal_key);
    }
    buf_add(out, str_skip(buf_str(&old), cut));
    add_break(out);
    add_account(files, answers, out);
    if (token_line == 0 && !files->has_seal_key)
        buf_addf(out, "\n[token]\nseal_key_file = %s\n", files->seal_key);
    return buf_ok(out) && buf_ok(&old)
               ? ST_OK
               : err_fatal(err, "config", "%s would be larger than 256 KiB", files->settings);
}

/* Secrets */

struct made {
    const char *paths[SECRETS_MAX];
    size_t count;
};

/* Whole or not at all, and never over a file that is there. */
static enum status make_secret(const char *path, struct str text, struct made *made,
                               struct err *err)
{
    AUTO(buf_done_secret) struct buf line = BUF_INIT(FILE_MAX);
    AUTO(replace_done) struct replacement file = REPLACEMENT_INIT;
    enum status rc = replace_begin(&file, path, MODE_SECRET, err);

    if (rc != ST_OK)
        return rc;
    if (file.exists)
        return err_retry(err, "busy", "%s is there now: another is at work", path);
    buf_add(&line, text);
    buf_add_char(&line, '\n');
    rc = replace_fill(&file, buf_str(&line), err);
    if (rc == ST_OK)
        rc = replace_end(&file, err);
    if (rc == ST_OK)
        made->paths[made->count++] = path;
    return rc;
}

static enum status make_seal_key(const char *path, struct made *made, struct err *err)
{
    AUTO(buf_done_secret) struct buf text = BUF_INIT(FILE_MAX);
    uint8_t key[SEAL_KEY_LEN];

    if (access(path, F_OK) == 0)
        return ST_OK;
    rand_bytes(key, sizeof(key));
    base64_format(key, sizeof(key), &text);
    explicit_bzero(key, sizeof(key));
    return make_secret(path, buf_str(&text), made, err);
}

static enum status make_secrets(const struct setup_files *files,
                                const struct setup_answers *answers, struct made *made,
                                struct err *err)
{
    const struct {
        enum setup_answer answer;
        const char *path;
    } secrets[] = {{SETUP_SECRET, files->secret},
                   {SETUP_TOKEN, files->token},
                   {SETUP_AES_KEY, files->aes_key}};
    enum status rc = ST_OK;

    if (mkdir(files->secrets, MODE_FOLDER) != 0 && errno != EEXIST)
        return err_errno(err, ST_RETRY, errno, files->secrets);
    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(secrets); i++) {
        const enum setup_answer answer = secrets[i].answer;

        if (!answers->kept[answer] && answers->text[answer][0] != '\0')
            rc = make_secret(secrets[i].path, str_from(answers->text[answer]), made, err);
    }
    return rc == ST_OK ? make_seal_key(files->seal_key, made, err) : rc;
}

/* Checks */

static enum status load_fresh(const char *path, struct settings **out, struct err *err)
{
    const enum status rc = settings_load(path, environ, out, NULL, NULL, err);

    return rc == ST_OK ? rc : ST_FATAL;
}

static enum status check_secrets(const struct settings *settings, const char *name, struct err *err)
{
    AUTO(account_secrets_done) struct account_secrets secrets = {0};
    const struct account *account = settings_account(settings, name);
    struct seal_key key;
    enum status rc;

    if (!account)
        return err_fatal(err, "config", "[account %s] is not in what was written", name);
    rc = account_secrets_read(account, &secrets, err);
    if (rc == ST_OK)
        rc = seal_key_read(&settings->token, &key, err);
    if (rc == ST_OK)
        seal_key_done(&key);
    return rc;
}

/* text stands in fresh, under a name that no program reads. */
static enum status settle(const struct setup_files *files, const struct setup_answers *answers,
                          struct replacement *fresh, struct err *err)
{
    AUTO(settings_freep) struct settings *settings = NULL;
    struct made made = {0};
    enum status rc = load_fresh(fresh->fresh, &settings, err);

    if (rc == ST_OK)
        rc = make_secrets(files, answers, &made, err);
    if (rc == ST_OK)
        rc = check_secrets(settings, files->account, err);
    if (rc == ST_OK)
        rc = replace_end(fresh, err);
    for (size_t i = 0; rc != ST_OK && i < made.count; i++)
        (void)unlink(made.paths[i]);
    return rc;
}

enum status setup_write(const struct setup_files *files, enum setup_lang lang,
                        const struct setup_answers *answers, struct err *err)
{
    AUTO(replace_done) struct replacement fresh = REPLACEMENT_INIT;
    AUTO(buf_done_secret) struct buf text = BUF_INIT(FILE_MAX);
    enum status rc = replace_begin(&fresh, files->settings, MODE_SETTINGS, err);

    if (rc != ST_OK)
        return rc;
    if (fresh.exists != files->has_settings)
        return err_retry(err, "busy", "%s came or went meanwhile: try again", files->settings);
    rc = compose(files, lang, answers, &text, err);
    if (rc == ST_OK)
        rc = replace_fill(&fresh, buf_str(&text), err);
    return rc == ST_OK ? settle(files, answers, &fresh, err) : rc;
}
