/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of kabaoctl lag: from the group's commits, from MySQL, from the dead letters. */
#include "base/mem.h"
#include "base/range.h"
#include "kafka/group.h"
#include "lag.h"
#include "letters.h"
#include "run/marks.h"
#include "tables/parked.h"

#include <stdio.h>

enum { ASK_MS = 15000, TEXTS_MAX = 16 << 20, RANGES_MAX = 2048, GROUP_SIZE = 64 };

static int64_t done_beyond(const struct group_place *place)
{
    struct offset_range ranges[RANGES_MAX];
    size_t count = 0;
    int64_t sum = 0;

    if (!marks_read(place->metadata, (struct str){0}, place->next, ranges, RANGES_MAX, &count))
        return 0;
    for (size_t i = 0; i < count; i++)
        sum += ranges[i].to - ranges[i].from;
    return sum;
}

static enum status add_row(struct lag *lag, const struct group_place *place, struct err *err)
{
    struct lag_row *row = &lag->rows[lag->count];

    row->topic = arena_dup(&lag->arena, str_from(place->topic));
    if (!str_is_set(row->topic))
        return err_retry(err, "memory", "no memory for partitions");
    row->partition = place->partition;
    row->oldest_ms = place->oldest_ms;
    row->records = place->end - place->next;
    if (row->records > 0)
        row->records -= done_beyond(place);
    else
        row->records = 0; /* a topic that was made anew ends below the commit */
    lag->count++;
    return ST_OK;
}

static enum status take_places(const struct group *group, struct lag *lag, struct err *err)
{
    size_t count = 0;
    const struct group_place *places = group_places(group, &count);
    enum status rc = ST_OK;

    lag->rows = mem_zalloc(count * sizeof(*lag->rows));
    if (!lag->rows)
        return err_retry(err, "memory", "no memory for partitions");
    for (size_t i = 0; rc == ST_OK && i < count; i++)
        rc = add_row(lag, &places[i], err);
    return rc;
}

static enum status read_group(const struct settings *settings, const struct topic_worker *worker,
                              struct lag *lag, struct err *err)
{
    char names[TOPIC_INPUTS_MAX + 1][TOPIC_NAME_SIZE];
    const char *topics[TOPIC_INPUTS_MAX + 1];
    char name[GROUP_SIZE];
    struct group_query query = {.name = name, .topics = topics};
    struct group *group = NULL;
    enum status rc;

    (void)snprintf(name, sizeof(name), "%s-%s", settings->topic.prefix, worker->name);
    for (size_t i = 0; i < TOPIC_INPUTS_MAX && worker->inputs[i] != TOPIC_NONE; i++)
        topic_name(&settings->topic, worker->inputs[i], worker->name, names[query.topic_count++]);
    topic_name(&settings->topic, TOPIC_REDRIVE, worker->name, names[query.topic_count++]);
    for (size_t i = 0; i < query.topic_count; i++)
        topics[i] = names[i];
    rc = group_open(&settings->kafka, &query, deadline_in(ASK_MS), &group, err);
    if (rc == ST_OK)
        rc = take_places(group, lag, err);
    group_close(group);
    return rc;
}

/* NULL: no topic of the worker, or one that has shrunk. */
static struct lag_row *find_row(struct lag *lag, struct str topic, int32_t partition)
{
    for (size_t i = 0; i < lag->count; i++)
        if (lag->rows[i].partition == partition && str_eq(lag->rows[i].topic, topic))
            return &lag->rows[i];
    return NULL;
}

/* parked_count_fn */
static enum status take_parked(void *arg, struct str topic, int32_t part, int64_t rows,
                               struct err *err UNUSED)
{
    struct lag_row *row = find_row(arg, topic, part);

    if (row)
        row->parked = rows;
    return ST_OK;
}

static enum status count_letters(const struct ctl *ctl, struct db *db, const char *worker,
                                 struct lag *lag, struct err *err)
{
    const struct letters_query query = {
        .worker = worker, .from_ms = INT64_MIN, .to_ms = INT64_MAX, .unfinished = true};
    struct letters letters = {0};
    enum status rc = letters_read(ctl, db, &query, &letters, err);

    for (size_t i = 0; rc == ST_OK && i < letters.count; i++) {
        const struct dead *dead = &letters.list[i];
        int64_t partition = 0;
        struct lag_row *row = NULL;

        if (dead_number(dead, "dlq-original-partition", INT32_MAX, &partition))
            row = find_row(lag, dead_header(dead, "dlq-original-topic"), (int32_t)partition);
        if (row)
            row->dead++;
    }
    letters_done(&letters);
    return rc;
}

/* A partition number counts once, whatever topics are behind in it: one instance has them all. */
static int64_t count_useful(const struct lag *lag)
{
    int64_t useful = 0;

    for (size_t i = 0; i < lag->count; i++) {
        bool counted = false;

        for (size_t j = 0; j < i && !counted; j++)
            counted = lag->rows[j].records > 0 && lag->rows[j].partition == lag->rows[i].partition;
        if (lag->rows[i].records > 0 && !counted)
            useful++;
    }
    return useful;
}

enum status lag_read(const struct ctl *ctl, struct db *db, const struct topic_worker *worker,
                     struct lag *out, struct err *err)
{
    enum status rc;

    *out = (struct lag){.arena = {.max = TEXTS_MAX}};
    rc = read_group(ctl->settings, worker, out, err);
    if (rc == ST_OK)
        rc = parked_count(db, worker->name, take_parked, out, err);
    if (rc == ST_OK)
        rc = count_letters(ctl, db, worker->name, out, err);
    if (rc == ST_OK)
        out->useful = count_useful(out);
    return rc;
}

void lag_done(struct lag *lag)
{
    mem_free(lag->rows);
    arena_done(&lag->arena);
    *lag = (struct lag){0};
}
