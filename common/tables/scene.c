/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/scene.h"

#include "base/hex.h"
#include "base/rand.h"
#include "model/id.h"
#include "tables/sql.h"

#include <string.h>

enum { CHANCE_BYTES = 16, HEX_LEN = 2 * CHANCE_BYTES };

static const struct str KINDS[] = {
    [SCENE_BIND] = STR_INIT("bind"), [SCENE_VERIFY] = STR_INIT("verify")};

/* Without gap locks under READ COMMITTED; of two who make the same scene one waits. */
static const char MAKE[] =
    "INSERT INTO scene (appid,scene,kind,user,purpose,code_ttl_s,made_by,expires_at)"
    " VALUES (?,?,?,?,?,?,?,?) ON DUPLICATE KEY UPDATE made_by=VALUES(made_by)";
#define READ \
    "SELECT scene,kind,user,purpose,code_ttl_s,made_by,expires_at,used_at,openid FROM scene"
static const char BY_MAKER[] = READ " WHERE appid=? AND made_by=? FOR UPDATE";
static const char BY_SCENE[] = READ " WHERE appid=? AND scene=? FOR UPDATE";
static const char SPEND[] = "UPDATE scene SET used_at=?,openid=? WHERE appid=? AND scene=?";
static const char FORGET[] =
    "DELETE FROM scene WHERE expires_at<UTC_TIMESTAMP(3)-INTERVAL ? DAY ORDER BY expires_at"
    " LIMIT 500";

_Static_assert(SCENE_FORGET_ROWS == 500, "the LIMIT of FORGET");

static bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool scene_is_ours(struct str text, enum scene_kind *kind)
{
    for (size_t i = 0; i < COUNT_OF(KINDS); i++) {
        const size_t begin = KINDS[i].len + 1;

        if (text.len != begin + HEX_LEN || !str_starts(text, KINDS[i]) ||
            text.ptr[begin - 1] != '-')
            continue;
        for (size_t at = begin; at < text.len; at++)
            if (!is_hex_digit(text.ptr[at]))
                return false;
        *kind = (enum scene_kind)i;
        return true;
    }
    return false;
}

bool scene_maker(const struct scene *wanted, struct arena *arena, struct str command_id,
                 struct id *out)
{
    const struct str joined = arena_printf(arena, "%.*s\x1f%.*s\x1f%.*s", STR_ARG(command_id),
                                           STR_ARG(wanted->user), STR_ARG(wanted->purpose));

    id_derive(joined, KINDS[wanted->kind], out);
    return str_is_set(joined);
}

struct reading {
    struct scene *row;
    struct arena *arena;
    bool found;
    bool no_memory;
};

static struct str keep(struct reading *r, const struct db_value *column)
{
    struct str text = sql_text(column);
    struct str kept = arena_dup(r->arena, text);

    r->no_memory = r->no_memory || (str_is_set(text) && !str_is_set(kept));
    return kept;
}

static enum status read_row(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err)
{
    struct reading *r = arg;
    struct scene *row = r->row;
    size_t i = 0;

    row->scene = keep(r, &columns[i++]);
    row->kind = str_eq(sql_text(&columns[i++]), KINDS[SCENE_BIND]) ? SCENE_BIND : SCENE_VERIFY;
    row->user = keep(r, &columns[i++]);
    row->purpose = keep(r, &columns[i++]);
    row->code_ttl_s = sql_int(&columns[i++], 0);
    row->made_by = keep(r, &columns[i++]);
    row->expires_at_ms = sql_int(&columns[i++], 0);
    row->used_at_ms = sql_int(&columns[i++], 0);
    row->openid = keep(r, &columns[i++]);
    r->found = true;
    return r->no_memory ? err_retry(err, "memory", "no memory for a scene") : ST_OK;
}

static enum status find(struct db *tx, struct str sql, struct str what, struct reading *r,
                        struct err *err)
{
    const struct db_value key[] = {db_text(r->row->appid), db_text(what)};

    return db_query(tx, sql, key, COUNT_OF(key), read_row, r, err);
}

static struct str name_by_chance(enum scene_kind kind, char out[SCENE_TEXT_MAX + 1])
{
    const struct str word = KINDS[kind];
    uint8_t chance[CHANCE_BYTES];

    rand_bytes(chance, sizeof(chance));
    memcpy(out, word.ptr, word.len);
    out[word.len] = '-';
    hex_format(chance, sizeof(chance), out + word.len + 1);
    return str_from(out);
}

enum status scene_make(struct db *tx, struct arena *arena, struct scene *row, struct err *err)
{
    char name[SCENE_TEXT_MAX + 1];
    const struct db_value values[] = {
        db_text(row->appid),       db_text(name_by_chance(row->kind, name)),
        db_text(KINDS[row->kind]), db_text(row->user),
        db_text(row->purpose),     row->code_ttl_s > 0 ? db_int(row->code_ttl_s) : db_null(),
        db_text(row->made_by),     db_time(row->expires_at_ms),
    };
    struct scene stands = {.appid = row->appid};
    struct reading r = {.row = &stands, .arena = arena};
    enum status rc = db_exec(tx, STR(MAKE), values, COUNT_OF(values), NULL, err);

    if (rc == ST_OK)
        rc = find(tx, STR(BY_MAKER), row->made_by, &r, err);
    if (rc == ST_OK && !r.found)
        rc = err_retry(err, "mysql:repeat", "a scene is gone in its own transaction");
    if (rc == ST_OK)
        *row = stands;
    return rc;
}

enum status scene_load(struct db *tx, struct arena *arena, struct scene *row, bool *found,
                       struct err *err)
{
    struct scene stands = {.appid = row->appid};
    struct reading r = {.row = &stands, .arena = arena};
    enum status rc = find(tx, STR(BY_SCENE), row->scene, &r, err);

    if (rc != ST_OK)
        return rc;
    *found = r.found;
    if (r.found)
        *row = stands;
    return ST_OK;
}

enum status scene_spend(struct db *tx, const struct scene *row, struct str openid, int64_t at_ms,
                        struct err *err)
{
    const struct db_value values[] = {db_time(at_ms), db_text(openid), db_text(row->appid),
                                      db_text(row->scene)};

    return db_exec(tx, STR(SPEND), values, COUNT_OF(values), NULL, err);
}

enum status scene_forget(struct db *db, int64_t *deleted, struct err *err)
{
    const struct db_value values[] = {db_int(SCENE_KEPT_DAYS)};

    return db_exec(db, STR(FORGET), values, COUNT_OF(values), deleted, err);
}
