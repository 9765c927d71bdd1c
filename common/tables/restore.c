/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/restore.h"

#include "tables/sql.h"

static const char FIND_RUN[] = "SELECT run_id,started_at FROM restored WHERE from_at=?"
                               " AND finished_at IS NULL ORDER BY id DESC LIMIT 1";
static const char BEGIN_RUN[] = "INSERT INTO restored (run_id,from_at,started_at)"
                                " VALUES (?,?,UTC_TIMESTAMP(3))";
static const char FINISH_RUN[] = "UPDATE restored SET finished_at=UTC_TIMESTAMP(3) WHERE run_id=?";
static const char FENCE[] = "INSERT INTO owner (worker,part,epoch) VALUES (?,?,1000000)"
                            " ON DUPLICATE KEY UPDATE epoch=epoch+1000000";
static const char END_CODES[] = "DELETE FROM verify_code";

#define EFFECT \
    "INSERT INTO effect (effect_id,event_id,step,request_hash,result,state,`until`,holder,at)"
/* Assigned from left to right, so state comes last. */
static const char DONE[] =
    EFFECT " VALUES (?,?,?,?,?,'done',NULL,'',UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE"
           " result=IF(state='done',result,VALUES(result)),`until`=NULL,"
           "at=IF(state='done',at,VALUES(at)),state='done'";
static const char BEGUN[] =
    EFFECT " VALUES (?,?,?,?,?,'intent',UTC_TIMESTAMP(3),'',UTC_TIMESTAMP(3))"
           " ON DUPLICATE KEY UPDATE step=effect.step";
static const char UNKNOWN[] =
    EFFECT " VALUES (?,?,?,?,?,'unknown',NULL,'',UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE"
           " `until`=IF(state='done',`until`,NULL),state=IF(state='done',state,'unknown')";
static const char REFUSED[] = "DELETE FROM effect WHERE effect_id=? AND state<>'done'";

static const char SCENE[] =
    "INSERT INTO scene (appid,scene,kind,user,purpose,code_ttl_s,made_by,expires_at)"
    " VALUES (?,?,?,?,?,?,?,?) ON DUPLICATE KEY UPDATE made_by=scene.made_by";
static const char SCENE_USED[] = "UPDATE scene SET used_at=?,openid=?"
                                 " WHERE appid=? AND scene=? AND used_at IS NULL";

#define OLD_CARD "appid=? AND card_id=? AND card_code=?"
static const char MOVED[] =
    "UPDATE bonus_account SET frozen=1,moved_to=?,rev=rev+1,updated_at=UTC_TIMESTAMP(3)"
    " WHERE " OLD_CARD " AND NOT frozen"
    " AND EXISTS (SELECT 1 FROM bonus_entry m WHERE m.command_id=? AND m.outcome='observed'"
    " AND NOT EXISTS (SELECT 1 FROM bonus_entry l WHERE l.appid=? AND l.card_id=?"
    " AND l.card_code=?"
    " AND l.at>m.at AND l.outcome='observed'))";
static const char UNPARK[] = "DELETE FROM parked WHERE id=?";

static enum status keep_run(void *arg, const struct db_value *columns, size_t count UNUSED,
                            struct err *err UNUSED)
{
    struct restore_run *run = arg;

    (void)str_copy(sql_text(&columns[0]), run->run_id, sizeof(run->run_id));
    run->started_ms = sql_int(&columns[1], 0);
    run->goes_on = true;
    return ST_OK;
}

enum status restore_begin(struct db *db, int64_t from_ms, struct restore_run *run, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run->run_id)), db_time(from_ms)};
    enum status rc = db_query(db, STR(FIND_RUN), values + 1, 1, keep_run, run, err);

    return rc == ST_OK && !run->goes_on ? db_exec(db, STR(BEGIN_RUN), values, 2, NULL, err) : rc;
}

enum status restore_finish(struct db *db, const struct restore_run *run, struct err *err)
{
    const struct db_value values[] = {db_text(str_from(run->run_id))};

    return db_exec(db, STR(FINISH_RUN), values, COUNT_OF(values), NULL, err);
}

enum status restore_fence(struct db *db, const char *worker, int32_t parts, struct err *err)
{
    enum status rc = ST_OK;

    for (int32_t i = 0; rc == ST_OK && i < parts; i++) {
        const struct db_value values[] = {db_text(str_from(worker)), db_int(i)};

        rc = db_exec(db, STR(FENCE), values, COUNT_OF(values), NULL, err);
    }
    return rc;
}

enum status restore_end_codes(struct db *db, int64_t *ended, struct err *err)
{
    return db_exec(db, STR(END_CODES), NULL, 0, ended, err);
}

static enum status write_effect(struct db *db, struct str sql, const struct restored_effect *e,
                                struct err *err)
{
    const struct db_value values[] = {
        db_text(e->id),           db_text(e->event_id), db_text(e->step),
        db_text(e->request_hash), db_text(e->result),
    };

    return db_exec(db, sql, values, COUNT_OF(values), NULL, err);
}

enum status restore_effect_done(struct db *db, const struct restored_effect *e, struct err *err)
{
    return write_effect(db, STR(DONE), e, err);
}

enum status restore_effect_begun(struct db *db, const struct restored_effect *e, struct err *err)
{
    return write_effect(db, STR(BEGUN), e, err);
}

enum status restore_effect_unknown(struct db *db, const struct restored_effect *e, struct err *err)
{
    return write_effect(db, STR(UNKNOWN), e, err);
}

enum status restore_effect_refused(struct db *db, struct str id, struct err *err)
{
    const struct db_value values[] = {db_text(id)};

    return db_exec(db, STR(REFUSED), values, COUNT_OF(values), NULL, err);
}

enum status restore_scene(struct db *db, const struct scene *row, struct err *err)
{
    const bool binds = row->kind == SCENE_BIND;
    const struct db_value values[] = {
        db_text(row->appid),
        db_text(row->scene),
        db_text(binds ? STR("bind") : STR("verify")),
        db_text(row->user),
        db_text(row->purpose),
        row->code_ttl_s > 0 ? db_int(row->code_ttl_s) : db_null(),
        db_text(row->made_by),
        db_time(row->expires_at_ms),
    };

    return db_exec(db, STR(SCENE), values, COUNT_OF(values), NULL, err);
}

enum status restore_scene_used(struct db *db, const struct scene *row, struct err *err)
{
    const struct db_value values[] = {db_time(row->used_at_ms), db_text(row->openid),
                                      db_text(row->appid), db_text(row->scene)};

    return db_exec(db, STR(SCENE_USED), values, COUNT_OF(values), NULL, err);
}

enum status restore_moved(struct db *db, const struct moved_account *m, struct err *err)
{
    const struct db_value values[] = {
        db_text(m->to),       db_text(m->appid), db_text(m->card_id), db_text(m->from),
        db_text(m->entry_id), db_text(m->appid), db_text(m->card_id), db_text(m->from),
    };

    return db_exec(db, STR(MOVED), values, COUNT_OF(values), NULL, err);
}

enum status restore_unpark(struct db *db, int64_t id, struct err *err)
{
    const struct db_value values[] = {db_int(id)};

    return db_exec(db, STR(UNPARK), values, COUNT_OF(values), NULL, err);
}
