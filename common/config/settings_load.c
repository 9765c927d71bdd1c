/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from the file and the environment. Everything that is wrong is collected; nothing ends
 * the loading early. */
#include "base/mem.h"
#include "config/check.h"
#include "config/given.h"
#include "config/ini.h"
#include "config/rows.h"
#include "config/settings.h"
#include "config/settings_check.h"
#include "config/settings_list.h"
#include "config/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE_PREFIX "KABAO_"
#define ACCOUNT_PREFIX  "account "
#define COMMAND_PREFIX  "command "

enum { SECTION_SIZE = 128, PROPERTY_SIZE = 128 };

struct loader {
    struct settings *s;
    struct given *given;
    struct buf *strangers;
    size_t variables; /* that named a key */
};

static void refuse_section(struct loader *l, struct str section, const char *where)
{
    const struct str shown = str_limit(section, SUGGEST_WORD_MAX);
    struct suggestion guess = {.word = section};

    for (size_t i = 0; settings_section(i) != NULL; i++)
        suggest_try(&guess, settings_section(i));
    if (str_eq_cstr(section, "account") || str_starts(section, STR(ACCOUNT_PREFIX)))
        given_refuse(l->given, where,
                     "[%.*s]: an account has a name of a-z and 0-9, for example [account demo]",
                     STR_ARG(shown));
    else if (str_eq_cstr(section, "command") || str_starts(section, STR(COMMAND_PREFIX)))
        given_refuse(l->given, where,
                     "[%.*s]: a command has a name of 1 to 64 of a-z, 0-9, _ and dots, for example "
                     "[command card.gift.set]",
                     STR_ARG(shown));
    else if (guess.best != NULL)
        given_refuse(l->given, where, "there is no section [%.*s]; did you mean [%s]?",
                     STR_ARG(shown), guess.best);
    else
        given_refuse(l->given, where, "there is no section [%.*s]; --describe-config lists all",
                     STR_ARG(shown));
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
            ini_refuse(&l->given->refusals, &err);
        else
            given_note(l->given, section, "", where);
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
        given_refuse(l->given, where, "[quota] has no key \"%.*s\"; a path begins with /",
                     STR_ARG(shown));
    else if (guess.best != NULL)
        given_refuse(l->given, where, "[%s] has no key \"%.*s\"; did you mean \"%s\"?", family,
                     STR_ARG(shown), guess.best);
    else if (other != NULL)
        given_refuse(l->given, where, "[%s] has no key \"%.*s\"; it belongs to [%s]", family,
                     STR_ARG(shown), other);
    else
        given_refuse(l->given, where, "[%s] has no key \"%.*s\"; --describe-config lists all",
                     family, STR_ARG(shown));
}

static void apply_property(struct loader *l, struct str name, struct str value)
{
    struct err err;

    if (settings_kafka_set(l->s, name, value, &err) != ST_OK)
        ini_refuse(&l->given->refusals, &err);
}

static void apply_limit(struct loader *l, struct str path, struct str value, const char *where)
{
    const struct str shown = str_limit(path, SUGGEST_WORD_MAX);
    const struct str given = str_limit(value, SUGGEST_WORD_MAX);
    struct quota_limit limit = {0};
    struct err err;

    if (!check_api_path(path))
        given_refuse(
            l->given, where,
            "[quota] \"%.*s\" is no API path: letters, digits, _ . - between single slashes",
            STR_ARG(shown));
    else if (!quota_limit_parse(value, &limit))
        given_refuse(l->given, where, "[quota] %.*s must be %s, not \"%.*s\"", STR_ARG(shown),
                     QUOTA_LIMIT_ALLOWED, STR_ARG(given));
    else if (settings_limit_add(l->s, path, &limit, &err) != ST_OK)
        ini_refuse(&l->given->refusals, &err);
}

static void apply_row(struct loader *l, const struct row *row, struct str section, struct str value,
                      const char *where)
{
    const char *family;
    void *base = settings_base(l->s, section, &family);
    struct err err;

    given_note(l->given, section, row->key, where);
    if (base != NULL && row_set(row, base, value, where, &err) != ST_OK)
        ini_refuse(&l->given->refusals, &err);
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

    if (ini_read(l->s->path, on_entry, l, l->given->refusals.report, &err) == ST_OK ||
        l->given->refusals.any)
        return;
    *l->given->refusals.first = err;
    l->given->refusals.any = true;
}

/* Without a file the environment may hold everything; a file that was named must be there. */
static void find_file(struct loader *l, const char *path)
{
    const char *wanted = path != NULL ? path : SETTINGS_PATH;
    const int failure = access(wanted, R_OK) == 0 ? 0 : errno;
    struct err err;

    if (failure == ENOENT && path == NULL)
        return;
    if (failure != 0) {
        (void)err_errno(&err, ST_FATAL, failure, l->given->file);
        given_refuse(l->given, "settings", "%s; name the file with --config FILE", err.text);
        return;
    }
    l->s->path = mem_strdup(wanted);
    if (l->s->path == NULL)
        given_refuse_memory(l->given);
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
static bool section_name(struct str upper, char out[SECTION_SIZE])
{
    const size_t prefix = strlen(ACCOUNT_PREFIX);

    (void)str_copy(STR(ACCOUNT_PREFIX), out, SECTION_SIZE);
    if (!str_copy(upper, out + prefix, SECTION_SIZE - prefix))
        return false;
    lower(out);
    return check_account_name(str_from(out + prefix));
}

static bool apply_account_variable(struct loader *l, struct str rest, struct str value,
                                   const char *where)
{
    char section[SECTION_SIZE];
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

static void decide_push_modes(struct settings *s)
{
    for (size_t i = 0; i < s->account_count; i++) {
        struct account *a = &s->accounts[i];

        if (a->push_mode == PUSH_MODE_AUTO)
            a->push_mode = a->aes_key_file != NULL ? PUSH_MODE_SECURE : PUSH_MODE_PLAIN;
    }
}

static void refuse_nothing(struct loader *l)
{
    if (l->s->path == NULL && l->variables == 0 && !l->given->refusals.any)
        given_refuse(l->given, l->given->file,
                     "does not exist and no KABAO_ variable is set; name the settings "
                     "file with --config FILE");
}

enum status settings_load(const char *path, char *const *environment, struct settings **out,
                          struct buf *report, struct buf *strangers, struct err *err)
{
    AUTO(settings_freep) struct settings *s = NULL;
    AUTO(given_done) struct given given = {0};
    struct loader l = {.given = &given, .strangers = strangers};
    enum status rc;

    if (!given_init(&given, path != NULL ? path : SETTINGS_PATH, err, report))
        return err_fatal(err, "memory", "settings: memory is short");
    rc = settings_new(&s, err);
    if (rc != ST_OK)
        return rc;
    l.s = s;
    find_file(&l, path);
    read_environment(&l, environment);
    settings_check(s, &given);
    refuse_nothing(&l);
    if (given.refusals.any)
        return ST_FATAL;
    decide_push_modes(s);
    *out = TAKE(s);
    return ST_OK;
}
