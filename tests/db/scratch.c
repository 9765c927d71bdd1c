/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/db/scratch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char user[] = "kabao";
static char home[] = "kabao";

void must(enum status rc, const struct err *err)
{
    if (rc == ST_OK)
        return;
    (void)fprintf(stderr, "%s: %s: %s\n", status_name(rc), err->code, err->text);
    abort();
}

void scratch_run(const struct scratch *s, const char *sql)
{
    struct err err;

    must(db_script(s->db, str_from(sql), &err), &err);
}

static enum status keep_int(void *arg, const struct db_value *columns, size_t count,
                            struct err *err)
{
    int64_t *value = arg;

    if (count != 1 || columns[0].type != DB_INT)
        return err_fatal(err, "test", "not one integer");
    *value = columns[0].value.i64;
    return ST_OK;
}

int64_t scratch_int(const struct scratch *s, const char *sql)
{
    struct err err;
    int64_t value = -1;

    must(db_query(s->db, str_from(sql), NULL, 0, keep_int, &value, &err), &err);
    return value;
}

void scratch_open(struct scratch *s, char **arguments)
{
    char sql[300];
    struct err err;

    *s = (struct scratch){.settings = {.socket = arguments[0],
                                       .user = user,
                                       .password_file = arguments[1],
                                       .database = home,
                                       .connections = 4,
                                       .batch_rows = 200,
                                       .batch_ms = 10}};
    (void)snprintf(s->name, sizeof(s->name), "kabao_scratch_%" PRIdMAX, (intmax_t)getpid());
    must(db_library_init(&err), &err);
    must(db_open_patient(&s->settings, &s->db, &err), &err);
    (void)snprintf(sql, sizeof(sql),
                   "DROP DATABASE IF EXISTS %s; CREATE DATABASE %s CHARACTER SET utf8mb4; USE %s",
                   s->name, s->name, s->name);
    scratch_run(s, sql);
    s->settings.database = s->name;
}

void scratch_close(struct scratch *s)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql), "DROP DATABASE %s", s->name);
    scratch_run(s, sql);
    db_close(s->db);
    db_library_done();
}
