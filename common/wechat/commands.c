/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that are offered as commands, with the schemas that came with the program and those of
 * the settings. */
#include "wechat/commands.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/secret.h"
#include "model/schema_ids.h"
#include "model/validate.h"
#include "wechat/command_schemas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCHEMA_FILE_MAX = 64 * 1024,
    ID_SIZE = 160,
    POINTER_SHOWN = SCHEMA_POINTER_MAX - sizeof("/body"),
};

#define SCHEMA_ID "https://schemas.kabao.example/commands/%s.v1.schema.json"

#define OWN(name, kind)                                                         \
    {                                                                           \
        .type = (name), .method = "POST", .path = NULL, .nature = NATURE_##kind \
    }

/* Commands of kabao's own, sorted: what WeChat is asked for them, if anything, is in their code. A
 * verify.check or bind.end is decided once, in the database, and so may come again. */
static const struct call OWN_TYPES[] = {
    OWN("bind.end", REPEATABLE),       OWN("bind.start", REPEATABLE),
    OWN("member.erase", REPEATABLE),   OWN("member.find", READ),
    OWN("oauth.exchange", REPEATABLE), OWN("verify.check", REPEATABLE),
    OWN("verify.send", REPEATABLE),    OWN("verify.start", REPEATABLE),
};

/* Their bodies name a file; what WeChat gets is made of it. */
static const char *const OWN_BODIES[] = {"media.upload", "media.uploadimg"};

/* What else stands where a type does: commands with topics of their own (an id over HTTP is made of
 * the type), kabao.command.result, and what a client of the API may be allowed. */
static const char *const RESERVED[] = {"activation", "bonus", "result", "signature"};

struct commands {
    struct command_type *types; /* sorted */
    struct schema **schemas;    /* owned, in no order; NULL where there is none */
    size_t count;
    struct arena arena; /* the calls of the settings */
};

static bool is_among(const char *type, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(type, names[i]) == 0)
            return true;
    return false;
}

static bool is_own(const char *type)
{
    for (size_t i = 0; i < COUNT_OF(OWN_TYPES); i++)
        if (strcmp(type, OWN_TYPES[i].type) == 0)
            return true;
    return false;
}

static const struct schema_text *built_in(const char *type)
{
    char id[ID_SIZE];

    (void)snprintf(id, sizeof(id), SCHEMA_ID, type);
    for (size_t i = 0; i < COMMAND_SCHEMA_COUNT; i++)
        if (strcmp(COMMAND_SCHEMAS[i].id, id) == 0)
            return &COMMAND_SCHEMAS[i];
    return NULL;
}

static void add(struct commands *c, const struct call *call, struct schema *body)
{
    c->schemas[c->count] = body;
    c->types[c->count++] = (struct command_type){
        .call = call,
        .body = body,
        .is_ours = call->path == NULL || is_among(call->type, OWN_BODIES, COUNT_OF(OWN_BODIES)),
    };
}

static enum status add_built_in(struct commands *c, const struct call *call, struct err *err)
{
    const struct schema_text *source = built_in(call->type);
    struct schema *body = NULL;
    enum status rc;

    if (source == NULL)
        return err_fatal(err, "schema", "%s has no schema in schemas/commands", call->type);
    rc = schema_compile(source->text, &body, err);
    if (rc == ST_OK)
        add(c, call, body);
    return rc;
}

static enum status compile_file(const struct settings_command *command, struct schema **out,
                                struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SCHEMA_FILE_MAX);
    struct err why;

    if (command->schema_file == NULL)
        return ST_OK;
    if (secret_file_read(command->schema_file, &text, &why) != ST_OK)
        return err_fatal(err, "config", "[command %s] schema_file: %s", command->name, why.text);
    if (schema_compile(buf_str(&text), out, &why) != ST_OK)
        return err_fatal(err, "config", "[command %s] schema_file %s: %s", command->name,
                         command->schema_file, why.text);
    return ST_OK;
}

/* "40073 40056" as a list that ends with 0; the settings have checked the text. */
static const int *parse_codes(struct arena *arena, struct str text)
{
    int *codes = arena_alloc(arena, (text.len / 2 + 2) * sizeof(*codes));
    size_t count = 0;
    struct str word;
    int64_t code;

    while (codes != NULL && str_cut(text, ' ', &word, &text))
        if (num_parse_i64(word, 1, INT32_MAX, &code))
            codes[count++] = (int)code;
    return codes;
}

static const struct call *call_of(struct arena *arena, const struct settings_command *command)
{
    static const enum nature natures[] = {
        [COMMAND_NATURE_READ] = NATURE_READ,
        [COMMAND_NATURE_REPEATABLE] = NATURE_REPEATABLE,
        [COMMAND_NATURE_PROBE] = NATURE_ONCE, /* refused by the settings */
        [COMMAND_NATURE_ONCE] = NATURE_ONCE,
    };
    struct call *call = arena_alloc(arena, sizeof(*call));
    const int *codes = parse_codes(arena, str_from(command->final));

    if (call == NULL || codes == NULL)
        return NULL;
    *call = (struct call){
        .type = command->name,
        .method = "POST",
        .path = command->path,
        .nature = natures[command->nature],
        .final_codes = codes,
    };
    return call;
}

static enum status add_declared(struct commands *c, const struct settings_command *command,
                                struct err *err)
{
    const struct call *call;
    struct schema *body = NULL;
    enum status rc;

    if (call_find(command->name) != NULL || is_own(command->name) ||
        is_among(command->name, RESERVED, COUNT_OF(RESERVED)))
        return err_fatal(err, "config", "[command %s]: that name is kabao's own; choose another",
                         command->name);
    call = call_of(&c->arena, command);
    if (call == NULL)
        return err_fatal(err, "memory", "no memory for [command %s]", command->name);
    rc = compile_file(command, &body, err);
    if (rc == ST_OK)
        add(c, call, body);
    return rc;
}

static enum status add_all(struct commands *c, const struct settings *settings, struct err *err)
{
    size_t count;
    const struct call *calls = call_all(&count);
    const size_t most = count + COUNT_OF(OWN_TYPES) + settings->command_count;
    enum status rc = ST_OK;

    c->types = mem_array(most, sizeof(*c->types));
    c->schemas = mem_array(most, sizeof(struct schema *));
    if (c->types == NULL || c->schemas == NULL)
        return err_fatal(err, "memory", "no memory for the commands");
    for (size_t i = 0; rc == ST_OK && i < count; i++)
        rc = add_built_in(c, &calls[i], err);
    for (size_t i = 0; rc == ST_OK && i < COUNT_OF(OWN_TYPES); i++)
        rc = add_built_in(c, &OWN_TYPES[i], err);
    for (size_t i = 0; rc == ST_OK && i < settings->command_count; i++)
        rc = add_declared(c, &settings->commands[i], err);
    return rc;
}

static int compare_types(const void *a, const void *b)
{
    const struct command_type *left = a;
    const struct command_type *right = b;

    return strcmp(left->call->type, right->call->type);
}

enum status commands_open(const struct settings *settings, struct commands **out, struct err *err)
{
    AUTO(commands_closep) struct commands *c = mem_zalloc(sizeof(*c));
    enum status rc;

    if (c == NULL)
        return err_fatal(err, "memory", "no memory for the commands");
    rc = add_all(c, settings, err);
    if (rc != ST_OK)
        return rc;
    qsort(c->types, c->count, sizeof(*c->types), compare_types);
    *out = TAKE(c);
    return ST_OK;
}

void commands_close(struct commands *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->count; i++)
        schema_free(c->schemas[i]);
    mem_free(c->schemas);
    mem_free(c->types);
    arena_done(&c->arena);
    mem_free(c);
}

static int compare_name(const void *name, const void *type)
{
    const struct command_type *row = type;

    return str_cmp(*(const struct str *)name, str_from(row->call->type));
}

const struct command_type *commands_find(const struct commands *c, struct str type)
{
    return bsearch(&type, c->types, c->count, sizeof(*c->types), compare_name);
}

const struct command_type *commands_all(const struct commands *c, size_t *count)
{
    *count = c->count;
    return c->types;
}

static bool tells_member(const struct json *body)
{
    bool told = false;

    for (struct json_iter i = json_iter(json_get(body, "notify_optional")); json_next(&i);)
        if (json_bool(i.value, &told) && told)
            return true;
    return false;
}

enum nature command_nature(const struct command_type *type, const struct json *body)
{
    if (strcmp(type->call->type, CALL_MEMBER_UPDATE.type) == 0 && !tells_member(body))
        return NATURE_REPEATABLE;
    return type->call->nature;
}

static enum status refuse(const char *code, const char *pointer, const char *detail,
                          struct schema_fault *fault, struct err *err)
{
    *fault = (struct schema_fault){0};
    (void)str_copy(str_from(pointer), fault->pointer, sizeof(fault->pointer));
    (void)str_copy(str_from(detail), fault->detail, sizeof(fault->detail));
    return err_reject(err, REASON_SCHEMA, code, "%s %s", fault->pointer, fault->detail);
}

static enum status check_body(const struct command_type *type, const struct json *value,
                              struct schema_fault *fault, struct err *err)
{
    AUTO(json_freep) struct json *empty = NULL;
    const struct json *body = json_get(value, "body");
    struct schema_fault inner = {.pointer = ""};
    char pointer[SCHEMA_POINTER_MAX] = "/body";
    enum status rc = ST_OK;

    if (type->body == NULL)
        return ST_OK;
    if (body == NULL) {
        rc = json_parse(STR("{}"), &empty, err);
        body = empty;
    }
    if (rc == ST_OK)
        rc = schema_check(type->body, body, &inner, err);
    if (rc != ST_REJECT)
        return rc;
    (void)str_copy(str_limit(str_from(inner.pointer), POINTER_SHOWN), pointer + strlen(pointer),
                   sizeof(pointer) - strlen(pointer));
    return refuse("schema", pointer, inner.detail, fault, err);
}

enum status command_check(const struct commands *c, const struct json *value,
                          const struct command_type **type, struct schema_fault *fault,
                          struct err *err)
{
    const struct command_type *found;
    bool confirmed = false;
    enum status rc = record_check(SCHEMA_CMD_WECHAT, value, fault, err);

    if (rc != ST_OK)
        return rc;
    found = commands_find(c, json_get_str(value, "type"));
    if (found == NULL)
        return refuse("type", "/type", "is no command of this installation", fault, err);
    rc = check_body(found, value, fault, err);
    if (rc != ST_OK)
        return rc;
    if (found->call->irreversible &&
        !(json_bool(json_get(value, "confirm"), &confirmed) && confirmed))
        return refuse("confirm", "/confirm", "must be true: this cannot be taken back", fault, err);
    *type = found;
    return ST_OK;
}
