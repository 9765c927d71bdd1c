/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a database's schema up to what this program was built with. */
#include "db/migrate.h"

#include "db/migrations.h"

enum { LOCK_STEP_S = 5, LOCK_STEPS = 720 };

/* Locks are the server's, not the database's: its name is part of the lock's. Hashed, because lock
 * names have 64 characters at most. */
#define LOCK_NAME "CONCAT('kabao.',MD5(DATABASE()))"

static const struct str LOCK_SQL = STR_INIT("SELECT GET_LOCK(" LOCK_NAME ",?)");
static const struct str UNLOCK_SQL = STR_INIT("SELECT RELEASE_LOCK(" LOCK_NAME ")");
static const struct str IS_THERE_SQL =
    STR_INIT("SELECT COUNT(*) FROM information_schema.tables"
             " WHERE table_schema=DATABASE() AND table_name='schema_version'");
static const struct str NEWEST_SQL =
    STR_INIT("SELECT COALESCE(MAX(version),0) FROM schema_version");
static const struct str ROWS_SQL =
    STR_INIT("SELECT COALESCE(MAX(CAST(table_rows AS SIGNED)),0) FROM information_schema.tables"
             " WHERE table_schema=DATABASE() AND table_name=?");
static const struct str NOTE_SQL =
    STR_INIT("INSERT INTO schema_version (version,name,applied_at) VALUES (?,?,UTC_TIMESTAMP(3))"
             " ON DUPLICATE KEY UPDATE version=version");

const struct migration *migrate_all(size_t *count)
{
    *count = MIGRATION_COUNT;
    return MIGRATIONS;
}

static enum status keep_int(void *arg, const struct db_value *columns, size_t count,
                            struct err *err)
{
    int64_t *value = arg;

    (void)err;
    if (count == 1 && columns[0].type == DB_INT)
        *value = columns[0].value.i64;
    return ST_OK;
}

enum status migrate_version(struct db *db, int *version, struct err *err)
{
    int64_t tables = 0;
    int64_t newest = 0;
    enum status rc = db_query(db, IS_THERE_SQL, NULL, 0, keep_int, &tables, err);

    if (rc == ST_OK && tables > 0)
        rc = db_query(db, NEWEST_SQL, NULL, 0, keep_int, &newest, err);
    if (rc == ST_OK)
        *version = (int)newest;
    return rc;
}

static int newest_built_in(void)
{
    return MIGRATIONS[MIGRATION_COUNT - 1].version;
}

static enum status refuse_newer(int version, struct err *err)
{
    if (version <= newest_built_in())
        return ST_OK;
    return err_fatal(err, "schema",
                     "The database has schema version %d, this program knows %d: upgrade kabao",
                     version, newest_built_in());
}

enum status migrate_check(struct db *db, struct err *err)
{
    int version = 0;
    enum status rc = migrate_version(db, &version, err);

    if (rc == ST_OK)
        rc = refuse_newer(version, err);
    if (rc == ST_OK && version < newest_built_in())
        rc = err_fatal(err, "schema",
                       "The database has schema version %d, this program needs %d: run kabaoctl "
                       "migrate",
                       version, newest_built_in());
    return rc;
}

/* Borrows from the migration. */
static struct str rebuilt_by(const struct migration *migration)
{
    const struct str mark = STR("\n-- Rebuilds ");
    struct str table = {NULL, 0};
    struct str rest;
    size_t at = 0;

    if (str_find(migration->sql, mark, &at))
        (void)str_cut(str_skip(migration->sql, at + mark.len), '\n', &table, &rest);
    return table;
}

static enum status plan_step(struct db *db, const struct migration *migration,
                             struct migrate_step *step, struct err *err)
{
    struct db_value table;

    *step = (struct migrate_step){.migration = migration, .rebuilds = rebuilt_by(migration)};
    if (!str_is_set(step->rebuilds))
        return ST_OK;
    table = db_text(step->rebuilds);
    return db_query(db, ROWS_SQL, &table, 1, keep_int, &step->rows, err);
}

enum status migrate_plan(struct db *db, migrate_step_fn *fn, void *arg, struct err *err)
{
    int version = 0;
    enum status rc = migrate_version(db, &version, err);

    for (size_t i = 0; rc == ST_OK && i < MIGRATION_COUNT; i++) {
        struct migrate_step step;

        if (MIGRATIONS[i].version <= version)
            continue;
        rc = plan_step(db, &MIGRATIONS[i], &step, err);
        if (rc == ST_OK)
            fn(arg, &step);
    }
    return rc;
}

static enum status lock(struct db *db, struct err *err)
{
    const struct db_value step = db_int(LOCK_STEP_S);

    for (int i = 0; i < LOCK_STEPS; i++) {
        int64_t locked = 0;
        enum status rc = db_query(db, LOCK_SQL, &step, 1, keep_int, &locked, err);

        if (rc != ST_OK || locked == 1)
            return rc;
    }
    return err_retry(err, "schema", "Another migration of this database does not end");
}

static enum status apply_one(struct db *db, const struct migration *migration, struct err *err)
{
    const struct db_value values[] = {db_int(migration->version),
                                      db_text(str_from(migration->name))};
    enum status rc = db_script(db, migration->sql, err);

    if (rc == ST_OK)
        rc = db_exec(db, NOTE_SQL, values, COUNT_OF(values), NULL, err);
    return rc;
}

static enum status apply_missing(struct db *db, migrate_done_fn *done, void *arg, struct err *err)
{
    int version = 0;
    enum status rc = migrate_version(db, &version, err);

    if (rc == ST_OK)
        rc = refuse_newer(version, err);
    for (size_t i = 0; rc == ST_OK && i < MIGRATION_COUNT; i++) {
        if (MIGRATIONS[i].version <= version)
            continue;
        rc = apply_one(db, &MIGRATIONS[i], err);
        if (rc == ST_OK && done)
            done(arg, &MIGRATIONS[i]);
    }
    return rc;
}

enum status migrate_apply(struct db *db, migrate_done_fn *done, void *arg, struct err *err)
{
    struct err ignored;
    int64_t unlocked = 0;
    enum status rc = lock(db, err);

    if (rc != ST_OK)
        return rc;
    rc = apply_missing(db, done, arg, err);
    /* A lock that cannot be given back ends with its connection. */
    (void)!db_query(db, UNLOCK_SQL, NULL, 0, keep_int, &unlocked, &ignored);
    return rc;
}
