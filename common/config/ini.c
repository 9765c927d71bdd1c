/* SPDX-License-Identifier: Apache-2.0 */
/* libini_config behind one call. What it does not tell the line of (a section or key given twice,
 * names it cannot store, bytes that are no text) or lets pass or loses (NUL, keys before the first
 * section) is found by a scan before. */
#include "config/ini.h"

#include "base/map.h"
#include "base/str.h"
#include "config/secret.h"

#include <ini_configobj.h>

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Both ceilings keep the library's linear searches short. */
enum { FILE_MAX = 256 * 1024, SECTIONS_MAX = 1024 };

/* A where of 96 holds this, ":" and ten digits. */
enum { PATH_SHOWN_MAX = 80 };

struct header {
    struct str name;
    unsigned line;
};

struct reader {
    const char *path;
    struct ini_refusals refusals;
    struct header headers[SECTIONS_MAX];
    size_t header_count;
    struct map *keys; /* "3 listen": the section's number and the key in lower case */
    size_t key_count;
};

void ini_where(const char *path, unsigned line, char out[INI_WHERE_SIZE])
{
    const size_t len = strlen(path);
    const char *dots = len > PATH_SHOWN_MAX ? "..." : "";
    const char *tail = len > PATH_SHOWN_MAX ? path + (len - PATH_SHOWN_MAX + 3) : path;

    if (line > 0)
        (void)snprintf(out, INI_WHERE_SIZE, "%s%s:%u", dots, tail, line);
    else
        (void)snprintf(out, INI_WHERE_SIZE, "%s%s", dots, tail);
}

void ini_refuse(struct ini_refusals *refusals, const struct err *why)
{
    if (!refusals->any)
        *refusals->first = *why;
    refusals->any = true;
    if (refusals->report != NULL)
        buf_addf(refusals->report, "%s\n", why->text);
}

static void refuse_line(struct reader *r, unsigned line, const char *why)
{
    struct err err = {0};
    char where[INI_WHERE_SIZE];

    ini_where(r->path, line, where);
    (void)err_fatal(&err, "config", "%s: %s", where, why);
    ini_refuse(&r->refusals, &err);
}

static bool is_text(struct str s)
{
    while (s.len > 0) {
        const unsigned char c = (unsigned char)s.ptr[0];
        const size_t step = str_utf8_step(s);

        if (step == 0 || (c < ' ' && c != '\t') || c == 0x7F)
            return false;
        s = str_skip(s, step);
    }
    return true;
}

/* What libcollection, below the library, can store as a name. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' || s.ptr[i] > '~' || s.ptr[i] == '!')
            return false;
    return true;
}

static const struct header *find_header(const struct reader *r, struct str name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (str_ieq(r->headers[i].name, name))
            return &r->headers[i];
    return NULL;
}

/* A header that is not closed, or empty, is the library's to refuse; it counts as one here, lest
 * its keys be taken for the last section's. */
static void scan_header(struct reader *r, struct str line, unsigned number)
{
    const bool closed = str_ends(line, STR("]"));
    const struct str name = closed ? str_trim(str_of(line.ptr + 1, line.len - 2)) : line;

    if (!is_name(name))
        refuse_line(r, number, "a section's name is ASCII without \"!\"");
    if (find_header(r, name) != NULL)
        refuse_line(r, number, "this section stands in the file twice: join the two");
    if (r->header_count == SECTIONS_MAX)
        refuse_line(r, number, "too many sections");
    else
        r->headers[r->header_count++] = (struct header){.name = name, .line = number};
}

/* Names count without case, as the library takes them. */
static void note_key(struct reader *r, struct str key, unsigned number)
{
    AUTO(buf_done) struct buf name = BUF_INIT(FILE_MAX);

    buf_addf(&name, "%zu ", r->header_count);
    for (size_t i = 0; i < key.len; i++)
        buf_add_char(&name, (char)tolower((unsigned char)key.ptr[i]));
    if (map_get(r->keys, buf_str(&name)) != NULL)
        refuse_line(r, number, "this key stands in the section twice: remove one");
    if (!buf_ok(&name) || !map_put(r->keys, buf_str(&name), r, NULL))
        refuse_line(r, number, "memory is short");
    r->key_count++;
}

static void scan_key(struct reader *r, struct str key, unsigned number)
{
    if (!is_name(key))
        refuse_line(r, number, "a key's name is ASCII without \"!\"");
    else if (r->header_count == 0)
        refuse_line(r, number, "a key stands before the first [section]");
    else
        note_key(r, str_trim(key), number);
}

static void scan_line(struct reader *r, struct str line, unsigned number)
{
    struct str key;
    struct str value;

    if (str_ends(line, STR("\r")))
        line.len--;
    if (!is_text(line)) {
        refuse_line(r, number, "holds bytes that are not UTF-8 text: save the file as UTF-8");
        return;
    }
    if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
        return;
    line = str_trim(line);
    if (str_starts(line, STR("[")))
        scan_header(r, line, number);
    else if (str_cut(line, '=', &key, &value) && str_is_set(value))
        scan_key(r, key, number);
}

static void scan(struct reader *r, struct str text)
{
    unsigned number = 0;
    struct str line;

    while (str_cut(text, '\n', &line, &text))
        scan_line(r, line, ++number);
}

static void destroy_file(struct ini_cfgfile **file)
{
    ini_config_file_destroy(*file);
}

static void destroy_object(struct ini_cfgobj **object)
{
    ini_config_destroy(*object);
}

static void free_errors(char ***errors)
{
    if (*errors != NULL)
        ini_config_free_errors(*errors);
}

static void free_sections(char ***sections)
{
    if (*sections != NULL)
        ini_free_section_list(*sections);
}

static void free_attributes(char ***attributes)
{
    if (*attributes != NULL)
        ini_free_attribute_list(*attributes);
}

static const char *explain(unsigned code)
{
    switch ((enum ERR_PARSE)code) {
    case ERR_LONGDATA: return "the line is too long";
    case ERR_NOCLOSESEC: return "a section is \"[name]\" with nothing after the bracket";
    case ERR_NOSECTION: return "the section has no name";
    case ERR_SECTIONLONG: return "the section's name is too long";
    case ERR_NOEQUAL: return "neither \"key = value\" nor \"[section]\" nor a comment";
    case ERR_NOKEY: return "no key stands before the equal sign";
    case ERR_LONGKEY: return "the key's name is too long";
    case ERR_SPACE:
    case ERR_TAB: return "the line begins with a blank: remove it (values do not continue)";
    case ERR_DUPKEY:
    case ERR_DUPKEYSEC:
    case ERR_DUPSECTION:
    case ERR_READ:
    case ERR_SPECIAL:
    case ERR_BADCOMMENT: break;
    }
    return "cannot be read";
}

static uint32_t next_number(const char **text)
{
    uint32_t number = 0;

    while (**text != '\0' && (**text < '0' || **text > '9'))
        ++*text;
    for (; **text >= '0' && **text <= '9'; ++*text)
        number = number * 10 + (uint32_t)(**text - '0');
    return number;
}

/* The library hands its errors out as text only: "Error (5) on line 12: ...". */
static void refuse_errors(struct reader *r, struct ini_cfgobj *object)
{
    AUTO(free_errors) char **errors = NULL;

    if (ini_config_error_count(object) > 0)
        (void)ini_config_get_errors(object, &errors);
    for (char **error = errors; error != NULL && *error != NULL; error++) {
        const char *text = *error;
        const uint32_t code = next_number(&text);
        const uint32_t line = next_number(&text);

        refuse_line(r, line, explain(code));
    }
}

/* Duplicates are the scan's to refuse: the library finds them, but keeps some to itself. */
static void parse(struct reader *r, struct str text, struct ini_cfgobj *object)
{
    static const uint32_t collisions = INI_MV1S_ALLOW | INI_MV2S_ALLOW | INI_MS_MERGE;
    static const uint32_t syntax =
        INI_PARSE_NOWRAP | INI_PARSE_NOSPACE | INI_PARSE_NOTAB | INI_PARSE_NO_C_COMMENTS;
    AUTO(destroy_file) struct ini_cfgfile *file = NULL;
    void *bytes = NULL;

    /* The library copies the text; its parameter only lacks the const. */
    memcpy(&bytes, &text.ptr, sizeof(bytes));
    if (ini_config_file_from_mem(bytes, (uint32_t)text.len, &file) == 0 &&
        ini_config_parse(file, INI_STOP_ON_NONE, collisions, syntax, object) == 0)
        return;
    refuse_errors(r, object);
    if (!r->refusals.any)
        refuse_line(r, 0, "cannot be parsed");
}

struct delivery {
    const struct reader *reader;
    struct ini_cfgobj *object;
    ini_fn *fn;
    void *arg;
    size_t key_count;
};

static enum status unreadable(const struct delivery *d, const char *section, const char *key,
                              struct err *err)
{
    return err_fatal(err, "config", "%s: [%s] %s cannot be read", d->reader->path, section, key);
}

static enum status deliver_key(struct delivery *d, const char *section, const char *key,
                               struct err *err)
{
    struct value_obj *object = NULL;
    const char *value = NULL;
    uint32_t line = 0;

    if (ini_get_config_valueobj(section, key, d->object, INI_GET_FIRST_VALUE, &object) != 0 ||
        object == NULL || value_get_line(object, &line) != 0 ||
        value_get_concatenated(object, &value) != 0 || value == NULL)
        return unreadable(d, section, key, err);
    d->key_count++;
    return d->fn(d->arg, str_from(section), str_from(key), str_from(value), line, err);
}

static enum status deliver_section(struct delivery *d, const char *section, struct err *err)
{
    const struct header *header = find_header(d->reader, str_from(section));
    AUTO(free_attributes) char **keys = NULL;
    int count = 0;
    int failure = 0;
    enum status rc;

    keys = ini_get_attribute_list(d->object, section, &count, &failure);
    if (failure != 0 || header == NULL)
        return unreadable(d, section, "", err);
    rc = d->fn(d->arg, str_from(section), (struct str){0}, (struct str){0}, header->line, err);
    for (int i = 0; rc == ST_OK && i < count; i++)
        rc = deliver_key(d, section, keys[i], err);
    return rc;
}

/* What the scan saw and what the library gives must agree: no key is lost unnoticed. */
static enum status deliver(struct delivery *d, struct err *err)
{
    AUTO(free_sections) char **sections = NULL;
    int count = 0;
    int failure = 0;
    enum status rc = ST_OK;

    sections = ini_get_section_list(d->object, &count, &failure);
    if (failure != 0 || (size_t)count != d->reader->header_count)
        return unreadable(d, "", "", err);
    for (int i = 0; rc == ST_OK && i < count; i++)
        rc = deliver_section(d, sections[i], err);
    if (rc == ST_OK && d->key_count != d->reader->key_count)
        return unreadable(d, "", "", err);
    return rc;
}

static void free_keys(struct map **keys)
{
    map_free(*keys, NULL);
}

static struct str without_mark(struct str s)
{
    const struct str mark = STR("\xEF\xBB\xBF");

    return str_starts(s, mark) ? str_skip(s, mark.len) : s;
}

static enum status read_text(struct reader *r, struct str text, struct delivery *d, struct err *err)
{
    AUTO(free_keys) struct map *keys = map_new();
    AUTO(destroy_object) struct ini_cfgobj *object = NULL;

    if (keys == NULL || ini_config_create(&object) != 0)
        return err_fatal(err, "memory", "%s: memory is short", r->path);
    r->keys = keys;
    scan(r, text);
    parse(r, text, object);
    if (r->refusals.any)
        return ST_FATAL;
    d->object = object;
    return deliver(d, err);
}

enum status ini_read(const char *path, ini_fn *fn, void *arg, struct buf *report, struct err *err)
{
    AUTO(buf_done_secret) struct buf file = BUF_INIT(FILE_MAX + 1);
    struct reader reader = {.path = path, .refusals = {.first = err, .report = report}};
    struct delivery delivery = {.reader = &reader, .fn = fn, .arg = arg};
    struct err why;

    if (secret_file_read(path, &file, &why) != ST_OK) {
        ini_refuse(&reader.refusals, &why);
        return ST_FATAL;
    }
    return read_text(&reader, without_mark(buf_str(&file)), &delivery, err);
}
