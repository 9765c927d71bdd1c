/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/db/parking.h"

#include "db/migrate.h"
#include "tests/unit/check.h"

const struct str PARKING_TOPIC = STR_INIT("kabao.event.wechat.v1");
const struct str PARKING_OTHER = STR_INIT("kabao.cmd.bonus.v1");
const struct str PARKING_ABSENT = {NULL, 0};

int parking_begin(void **state)
{
    struct parking *f = *state;
    struct err err;

    scratch_run(&f->scratch, "DELETE FROM parked; DELETE FROM owner;"
                             "INSERT INTO owner VALUES ('member',3,7)");
    must(db_open(&f->scratch.settings, &f->db, &err), &err);
    return 0;
}

int parking_end(void **state)
{
    struct parking *f = *state;

    db_close(f->db);
    return 0;
}

struct parked_row parking_row(struct str topic, int64_t off, struct str key)
{
    return (struct parked_row){.record = {.topic = topic,
                                          .partition = PARKING_PART,
                                          .offset = off,
                                          .timestamp_ms = 1,
                                          .key = key,
                                          .value = STR("v")}};
}

void parking_insert(struct parking *f, const struct parked_row *rows, size_t count)
{
    struct err err;

    must(parked_insert(f->db, "member", rows, count, &err), &err);
}

void parking_park(struct parking *f, struct str topic, int64_t off, const char *key)
{
    const struct parked_row row = parking_row(topic, off, str_from(key));

    parking_insert(f, &row, 1);
}

struct parked_queue parking_queue(struct str key)
{
    return (struct parked_queue){
        .worker = "member", .part = PARKING_PART, .epoch = PARKING_EPOCH, .key = key};
}

enum parked_found parking_first(struct parking *f, const struct parked_queue *queue,
                                struct arena *arena, struct parked_row *out)
{
    enum parked_found found = PARKED_LOST;
    struct err err;

    must(parked_first(f->db, queue, arena, out, &found, &err), &err);
    return found;
}

int64_t parking_first_off(struct parking *f, struct str key)
{
    AUTO(arena_done) struct arena arena = ARENA_INIT(0);
    const struct parked_queue queue = parking_queue(key);
    struct parked_row row;
    enum parked_found found = parking_first(f, &queue, &arena, &row);

    assert_int_not_equal(found, PARKED_LOST);
    return found == PARKED_FOUND ? row.record.offset : -1;
}

void parking_delete(struct parking *f, struct str topic, int64_t off)
{
    const struct source source = {"member", topic, PARKING_PART};
    struct err err;

    must(parked_delete(f->db, &source, off, &err), &err);
}

void parking_same(struct str a, struct str b)
{
    assert_int_equal(str_is_set(a), str_is_set(b));
    assert_true(str_eq(a, b));
}

void parking_open(struct parking *f, char **arguments)
{
    struct err err;

    scratch_open(&f->scratch, arguments);
    must(migrate_apply(f->scratch.db, NULL, NULL, &err), &err);
}
