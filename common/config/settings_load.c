/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from the file and the environment, and the checks that span keys. Everything that is
 * wrong is collected; nothing ends the loading early. */
#include "base/map.h"
#include "base/mem.h"
#include "config/check.h"
#include "config/ini.h"
#include "config/rows.h"
#include "config/settings.h"
#include "config/settings_list.h"
#include "config/suggest.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH    "/etc/kabao/kabao.ini"
#define VARIABLE_PREFIX "KABAO_"
#define ACCOUNT_PREFIX  "account "
#define COMMAND_PREFIX  "command "

enum { LABEL_SIZE = 128, PROPERTY_SIZE = 128 };

struct loader {
    struct settings *s;
    const char *origin;  /* the file, for what has no place of its own */
    struct map *sources; /* "section key" -> "kabao.ini:12": what was given, even if refused */
    struct ini_refusals refusals;
    struct buf *strangers;
    size_t variables; /* that named a key */
};

PRINTF_LIKE(3, 4)

static void refuse(struct loader *l, const char *where, const char *fmt, ...)
{
    struct err err = {0};
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(err.text, sizeof(err.text), fmt, args);
    va_end(args);
    (void)err_fatal(&err, "config", "%s: %s", where, err.text);
    ini_refuse(&l->refusals, &err);
}

static void refuse_memory(struct loader *l)
{
    struct err err = {0};

    (void)err_fatal(&err, "memory", "settings: memory is short");
    ini_refuse(&l->refusals, &err);
}

/* Sections and keys that are in the list are short; nothing else is looked up. */
static void label(struct str section, const char *key, char out[LABEL_SIZE])
{
    const size_t at = section.len + 1;

    assert(at + strlen(key) < LABEL_SIZE);
    (void)str_copy(section, out, LABEL_SIZE);
    out[section.len] = ' ';
    (void)str_copy(str_from(key), out + at, LABEL_SIZE - at);
}

static void remember(struct loader *l, struct str section, const char *key, const char *where)
{
    char name[LABEL_SIZE];
    char *copy = mem_strdup(where);
    void *old = NULL;

    label(section, key, name);
    if (copy == NULL || !map_put(l->sources, str_from(name), copy, &old)) {
        mem_free(copy);
        refuse_memory(l);
        return;
    }
    mem_free(old);
}

/* NULL when neither file nor environment gave the key. */
static const char *source_of(const struct loader *l, struct str section, const char *key)
{
    char name[LABEL_SIZE];

    label(section, key, name);
    return map_get(l->sources, str_from(name));
}

static const char *where_of(const struct loader *l, struct str section, const char *key)
{
    const char *where = source_of(l, section, key);

    return where != NULL ? where : l->origin;
}

static void refuse_section(struct loader *l, struct str section, const char *where)
{
    const struct str shown = str_limit(section, SUGGEST_WORD_MAX);
    struct suggestion guess = {.word = section};

    for (size_t i = 0; settings_section(i) != NULL; i++)
        suggest_try(&guess, settings_section(i));
    if (str_eq_cstr(section, "account") || str_starts(section, STR(ACCOUNT_PREFIX)))
        refuse(l, where, "[%.*s]: an account has a name of a-z and 0-9, for example [account demo]",
               STR_ARG(shown));
    else if (str_eq_cstr(section, "command") || str_starts(section, STR(COMMAND_PREFIX)))
        refuse(l, where,
               "[%.*s]: a command has a name of 1 to 64 of a-z, 0-9, _ and dots, for example "
               "[command card.gift.set]",
               STR_ARG(shown));
    else if (guess.best != NULL)
        refuse(l, where, "there is no section [%.*s]; did you mean [%s]?", STR_ARG(shown),
               guess.best);
    else
        refuse(l, where, "there is no section [%.*s]; --describe-config lists all", STR_ARG(shown));
}

struct family {
    struct str prefix;
    bool (*accepts)(struct str name);
    enum status (*add)(struct settings *s, struct str name, struct err *err);
};

static const struct family FAMILIES[] = {
    {STR_INIT(ACCOUNT_PREFIX), check_account_name, settings_account_add},
    {STR_INIT(COMMAND_PREFIX), check_command_name, settings_command_add},
};

/* False: the section is of no family, or its name is not allowed. */
static bool enter_named(struct loader *l, struct str section, const char *where)
{
    for (size_t i = 0; i < COUNT_OF(FAMILIES); i++) {
        const struct family *family = &FAMILIES[i];
        const struct str name = str_skip(section, family->prefix.len);
        struct err err;

        if (!str_starts(section, family->prefix) || !family->accepts(name))
            continue;
        if (family->add(l->s, name, &err) != ST_OK)
            ini_refuse(&l->refusals, &err);
        else
            remember(l, section, "", where);
        return true;
    }
    return false;
}

static void enter_section(struct loader *l, struct str section, const char *where)
{
    const char *family;

    if (enter_named(l, section, where))
        return;
    if (!str_eq(section, STR("kafka")) && settings_base(l->s, section, &family) == NULL)
        refuse_section(l, section, where);
}

static const struct row *find_row(const char *family, struct str key)
{
    size_t count;
    const struct row *rows = settings_rows(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].section, family) == 0 && str_eq_cstr(key, rows[i].key))
            return &rows[i];
    return NULL;
}

static const char *elsewhere(struct str key)
{
    for (size_t i = 0; settings_section(i) != NULL; i++)
        if (find_row(settings_section(i), key) != NULL)
            return settings_section(i);
    return NULL;
}

static void refuse_key(struct loader *l, const char *family, struct str key, const char *where)
{
    const struct str shown = str_limit(key, SUGGEST_WORD_MAX);
    const char *other = elsewhere(key);
    struct suggestion guess = {.word = key};
    size_t slash;
    size_t count;
    const struct row *rows = settings_rows(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].section, family) == 0)
            suggest_try(&guess, rows[i].key);
    if (strcmp(family, "quota") == 0 && str_find(key, STR("/"), &slash))
        refuse(l, where, "[quota] has no key \"%.*s\"; a path begins with /", STR_ARG(shown));
    else if (guess.best != NULL)
        refuse(l, where, "[%s] has no key \"%.*s\"; did you mean \"%s\"?", family, STR_ARG(shown),
               guess.best);
    else if (other != NULL)
        refuse(l, where, "[%s] has no key \"%.*s\"; it belongs to [%s]", family, STR_ARG(shown),
               other);
    else
        refuse(l, where, "[%s] has no key \"%.*s\"; --describe-config lists all", family,
               STR_ARG(shown));
}

static void apply_property(struct loader *l, struct str name, struct str value)
{
    struct err err;

    if (settings_kafka_set(l->s, name, value, &err) != ST_OK)
        ini_refuse(&l->refusals, &err);
}

static void apply_limit(struct loader *l, struct str path, struct str value, const char *where)
{
    const struct str shown = str_limit(path, SUGGEST_WORD_MAX);
    const struct str given = str_limit(value, SUGGEST_WORD_MAX);
    struct quota_limit limit = {0};
    struct err err;

    if (!check_api_path(path))
        refuse(l, where,
               "[quota] \"%.*s\" is no API path: letters, digits, _ . - between single slashes",
               STR_ARG(shown));
    else if (!quota_limit_parse(value, &limit))
        refuse(l, where, "[quota] %.*s must be %s, not \"%.*s\"", STR_ARG(shown),
               QUOTA_LIMIT_ALLOWED, STR_ARG(given));
    else if (settings_limit_add(l->s, path, &limit, &err) != ST_OK)
        ini_refuse(&l->refusals, &err);
}

static void apply_row(struct loader *l, const struct row *row, struct str section, struct str value,
                      const char *where)
{
    const char *family;
    void *base = settings_base(l->s, section, &family);
    struct err err;

    remember(l, section, row->key, where);
    if (base != NULL && row_set(row, base, value, where, &err) != ST_OK)
        ini_refuse(&l->refusals, &err);
}

static void apply_key(struct loader *l, struct str section, struct str key, struct str value,
                      const char *where)
{
    const char *family = NULL;
    const struct row *row;

    if (str_eq(section, STR("kafka"))) {
        apply_property(l, key, value);
        return;
    }
    if (str_eq(section, STR("quota")) && str_starts(key, STR("/"))) {
        apply_limit(l, key, value, where);
        return;
    }
    /* Keys of a section that is refused are not looked at. */
    if (settings_base(l->s, section, &family) == NULL)
        return;
    row = find_row(family, key);
    if (row == NULL)
        refuse_key(l, family, key, where);
    else
        apply_row(l, row, section, value, where);
}

static enum status on_entry(void *arg, struct str section, struct str key, struct str value,
                            unsigned line, struct err *err)
{
    struct loader *l = arg;
    char where[INI_WHERE_SIZE];

    (void)err;
    ini_where(l->s->path, line, where);
    if (!str_is_set(key))
        enter_section(l, section, where);
    else
        apply_key(l, section, key, value, where);
    return ST_OK;
}

static void read_file(struct loader *l)
{
    struct err err;

    if (ini_read(l->s->path, on_entry, l, l->refusals.report, &err) == ST_OK || l->refusals.any)
        return;
    *l->refusals.first = err;
    l->refusals.any = true;
}

/* Without a file the environment may hold everything; a file that was named must be there. */
static void find_file(struct loader *l, const char *path)
{
    const char *wanted = path != NULL ? path : DEFAULT_PATH;
    const int failure = access(wanted, R_OK) == 0 ? 0 : errno;
    struct err err;

    if (failure == ENOENT && path == NULL)
        return;
    if (failure != 0) {
        (void)err_errno(&err, ST_FATAL, failure, l->origin);
        refuse(l, "settings", "%s; name the file with --config FILE", err.text);
        return;
    }
    l->s->path = mem_strdup(wanted);
    if (l->s->path == NULL)
        refuse_memory(l);
    else
        read_file(l);
}

/* Consumes word as the environment writes it: upper case, dots and blanks as "_". */
static bool take_word(struct str *s, const char *word)
{
    const size_t len = strlen(word);

    if (s->len < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        const bool blank = word[i] == '.' || word[i] == ' ';

        if (s->ptr[i] != (blank ? '_' : (char)toupper((unsigned char)word[i])))
            return false;
    }
    *s = str_skip(*s, len);
    return true;
}

static bool take_last(struct str s, const char *word)
{
    return take_word(&s, word) && str_is_empty(s);
}

/* What Kubernetes and Docker inject for a service named kabao-kafka or kabao-mysql. */
static bool is_service_link(struct str name, struct str value)
{
    static const char *const signs[] = {
        "*_SERVICE_HOST", "*_SERVICE_PORT", "*_SERVICE_PORT_*",
        "*_PORT_*_TCP*",  "*_PORT_*_UDP*",  "*_PORT_*_SCTP*",
    };
    size_t at;

    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (str_match(str_from(signs[i]), name))
            return true;
    return str_ends(name, STR("_PORT")) && str_find(value, STR("://"), &at);
}

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)tolower((unsigned char)*text);
}

/* The only properties librdkafka lets a text set that have "_" in their names. */
static bool has_underscores(const char *property)
{
    return strcmp(property, "log_level") == 0 || strcmp(property, "enabled_events") == 0;
}

/* BOOTSTRAP_SERVERS is bootstrap.servers. */
static bool apply_kafka_variable(struct loader *l, struct str name, struct str value)
{
    char property[PROPERTY_SIZE];

    if (str_is_empty(name) || !str_copy(name, property, sizeof(property)))
        return false;
    lower(property);
    for (char *c = property; !has_underscores(property) && *c != '\0'; c++)
        if (*c == '_')
            *c = '.';
    apply_property(l, str_from(property), value);
    return true;
}

/* "account demo" of DEMO. */
static bool section_name(struct str upper, char out[LABEL_SIZE])
{
    const size_t prefix = strlen(ACCOUNT_PREFIX);

    (void)str_copy(STR(ACCOUNT_PREFIX), out, LABEL_SIZE);
    if (!str_copy(upper, out + prefix, LABEL_SIZE - prefix))
        return false;
    lower(out);
    return check_account_name(str_from(out + prefix));
}

static bool apply_account_variable(struct loader *l, struct str rest, struct str value,
                                   const char *where)
{
    char section[LABEL_SIZE];
    struct str name;
    struct str key;
    size_t count;
    const struct row *rows = settings_rows(&count);

    if (!str_cut(rest, '_', &name, &key) || !section_name(name, section))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].section, "account") != 0 || !take_last(key, rows[i].key))
            continue;
        enter_section(l, str_from(section), where);
        apply_row(l, &rows[i], str_from(section), value, where);
        return true;
    }
    return false;
}

static bool apply_plain_variable(struct loader *l, struct str name, struct str value,
                                 const char *where)
{
    size_t count;
    const struct row *rows = settings_rows(&count);

    for (size_t i = 0; i < count; i++) {
        struct str rest = name;

        if (strcmp(rows[i].section, "account") == 0 || (rows[i].flags & ROW_FILE_ONLY) != 0 ||
            !take_word(&rest, rows[i].section) || !take_word(&rest, "_") ||
            !take_last(rest, rows[i].key))
            continue;
        apply_row(l, &rows[i], str_from(rows[i].section), value, where);
        return true;
    }
    return false;
}

/* False when the variable names no key. */
static bool apply_variable(struct loader *l, struct str variable, struct str value)
{
    struct str rest = variable;
    char where[INI_WHERE_SIZE];

    if (is_service_link(variable, value))
        return false;
    (void)str_copy(variable, where, sizeof(where));
    (void)take_word(&rest, VARIABLE_PREFIX);
    if (take_word(&rest, "kafka_"))
        return apply_kafka_variable(l, rest, value);
    if (take_word(&rest, "account_"))
        return apply_account_variable(l, rest, value, where);
    return apply_plain_variable(l, rest, value, where);
}

/* An empty variable counts as not set, as compose files and charts pass on what is unset. */
static void read_environment(struct loader *l, char *const *environment)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        struct str name;
        struct str value;

        if (!str_starts(str_from(*environment), STR(VARIABLE_PREFIX)) ||
            !str_cut(str_from(*environment), '=', &name, &value))
            continue;
        value = str_trim(value);
        if (str_is_empty(value))
            continue;
        if (apply_variable(l, name, value))
            l->variables++;
        else if (l->strangers != NULL)
            buf_addf(l->strangers, "%.*s\n", STR_ARG(name));
    }
}

static struct str section_of(const char *prefix, const char *name, char out[LABEL_SIZE])
{
    (void)snprintf(out, LABEL_SIZE, "%s%s", prefix, name);
    return str_from(out);
}

static void check_required(struct loader *l, const char *family, struct str section)
{
    size_t count;
    const struct row *rows = settings_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].section, family) != 0 || (rows[i].flags & ROW_REQUIRED) == 0 ||
            source_of(l, section, rows[i].key) != NULL)
            continue;
        refuse(l, where_of(l, section, ""), "[%.*s] %s is missing: add \"%s = ...\"",
               STR_ARG(section), rows[i].key, rows[i].key);
    }
}

static void check_unique(struct loader *l, size_t index, struct str section)
{
    const struct account *a = &l->s->accounts[index];

    for (size_t i = 0; i < index && a->appid != NULL; i++) {
        const struct account *other = &l->s->accounts[i];

        if (other->appid != NULL && strcmp(other->appid, a->appid) == 0)
            refuse(l, where_of(l, section, "appid"),
                   "[account %s] appid is that of [account %s] too: an account is set up once",
                   a->name, other->name);
    }
}

/* A key that was given and needs another. */
static void check_needs(struct loader *l, struct str section, const char *key, const char *value,
                        const char *needed)
{
    if (source_of(l, section, needed) == NULL)
        refuse(l, where_of(l, section, key), "[%.*s] %s%s needs %s", STR_ARG(section), key, value,
               needed);
}

static void check_account(struct loader *l, size_t index)
{
    struct account *a = &l->s->accounts[index];
    char text[LABEL_SIZE];
    const struct str section = section_of(ACCOUNT_PREFIX, a->name, text);

    check_required(l, "account", section);
    check_unique(l, index, section);
    if (a->push_mode == PUSH_MODE_SECURE)
        check_needs(l, section, "push_mode", " = secure", "aes_key_file");
    if (a->push_mode == PUSH_MODE_COMPATIBLE)
        check_needs(l, section, "push_mode", " = compatible", "aes_key_file");
    if (a->aes_key_previous_file != NULL)
        check_needs(l, section, "aes_key_previous_file", "", "aes_key_file");
    if (a->token_source == TOKEN_SOURCE_URL)
        check_needs(l, section, "token_source", " = url", "token_url");
    if (a->push_mode == PUSH_MODE_AUTO)
        a->push_mode = a->aes_key_file != NULL ? PUSH_MODE_SECURE : PUSH_MODE_PLAIN;
}

static void check_command(struct loader *l, const struct settings_command *command)
{
    char text[LABEL_SIZE];
    const struct str section = section_of(COMMAND_PREFIX, command->name, text);

    check_required(l, "command", section);
    if (command->nature == COMMAND_NATURE_PROBE)
        refuse(l, where_of(l, section, "nature"),
               "[%.*s] nature = probe: kabao cannot ask WeChat what became of a call it does not "
               "know; use once, or repeatable where a second call does no harm",
               STR_ARG(section));
}

static void check(struct loader *l)
{
    const struct settings_worker *worker = &l->s->worker;

    for (size_t i = 0; i < l->s->account_count; i++)
        check_account(l, i);
    for (size_t i = 0; i < l->s->command_count; i++)
        check_command(l, &l->s->commands[i]);
    if (l->s->crm.secret_previous_file != NULL)
        check_needs(l, STR("crm"), "secret_previous_file", "", "secret_file");
    if (worker->retry_initial_ms > worker->retry_max_ms)
        refuse(l, where_of(l, STR("worker"), "retry_initial_ms"),
               "[worker] retry_initial_ms is above retry_max_ms (%lld)",
               (long long)worker->retry_max_ms);
    if (l->s->path == NULL && l->variables == 0 && !l->refusals.any)
        refuse(l, l->origin,
               "does not exist and no KABAO_ variable is set; name the settings "
               "file with --config FILE");
}

static void free_sources(struct map **sources)
{
    map_free(*sources, mem_free);
}

enum status settings_load(const char *path, char *const *environment, struct settings **out,
                          struct buf *report, struct buf *strangers, struct err *err)
{
    AUTO(settings_freep) struct settings *s = NULL;
    AUTO(free_sources) struct map *sources = map_new();
    char origin[INI_WHERE_SIZE];
    struct loader l = {.origin = origin, .sources = sources, .strangers = strangers};
    enum status rc;

    if (sources == NULL)
        return err_fatal(err, "memory", "settings: memory is short");
    rc = settings_new(&s, err);
    if (rc != ST_OK)
        return rc;
    l.s = s;
    l.refusals = (struct ini_refusals){.first = err, .report = report};
    ini_where(path != NULL ? path : DEFAULT_PATH, 0, origin);
    find_file(&l, path);
    read_environment(&l, environment);
    check(&l);
    if (l.refusals.any)
        return ST_FATAL;
    *out = TAKE(s);
    return ST_OK;
}
