/* SPDX-License-Identifier: Apache-2.0 */
#include "letters.h"

#include "base/mem.h"
#include "base/num.h"
#include "kafka/topics.h"
#include "scan.h"

#include <stdlib.h>

enum { TEXTS_MAX_MIB = 256, GROW_FROM = 64 };

/* What the table knows, by partition and offset. */
struct known {
    struct letter *list;
    size_t count;
    size_t size;
};

struct reading {
    const struct letters_query *query;
    struct letters *out;
    struct known known;
    int64_t *taken; /* by partition */
    size_t partitions;
    bool enough;
};

/* Room for one more; NULL: no memory. */
static void *grow(void *list, size_t count, size_t *size, size_t item_size)
{
    size_t wanted = *size == 0 ? GROW_FROM : *size * 2;
    void *grown;

    if (count < *size)
        return list;
    grown = mem_resize(list, wanted * item_size);
    if (grown)
        *size = wanted;
    return grown;
}

static enum status no_memory(struct err *err)
{
    return err_fatal(err, "memory",
                     "these dead letters take more than %d MiB: choose fewer (--max, --from, --to, "
                     "--key, --reason)",
                     TEXTS_MAX_MIB);
}

/* letter_fn */
static enum status keep_known(void *arg, const struct letter *letter, struct err *err)
{
    struct known *known = arg;
    struct letter *list = grow(known->list, known->count, &known->size, sizeof(*list));

    if (!list)
        return no_memory(err);
    known->list = list;
    known->list[known->count++] = *letter;
    return ST_OK;
}

static int by_number(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *a, const void *b)
{
    const struct letter *left = a;
    const struct letter *right = b;

    if (left->part != right->part)
        return by_number(left->part, right->part);
    return by_number(left->off, right->off);
}

static int by_record(const void *a, const void *b)
{
    return by_place(&((const struct dead *)a)->letter, &((const struct dead *)b)->letter);
}

static struct letter letter_of(const struct known *known, const struct record *record)
{
    const struct letter open = {
        .part = record->partition, .off = record->offset, .redrive_from = -1};
    const struct letter *found = NULL;

    if (known->count > 0)
        found = bsearch(&open, known->list, known->count, sizeof(open), by_place);
    return found ? *found : open;
}

static bool is_unfinished(const struct letter *letter)
{
    return letter->state == LETTER_OPEN || letter->state == LETTER_REDRIVING;
}

static bool is_wanted(const struct letters_query *query, const struct record *record,
                      const struct letter *letter)
{
    struct str reason = header_find(record->headers, record->header_count, STR("dlq-reason"));

    if (query->has_place && (record->partition != query->part || record->offset != query->off))
        return false;
    if (str_is_set(query->key) && !str_eq(query->key, record->key))
        return false;
    if (str_is_set(query->reason) && !str_eq(query->reason, reason))
        return false;
    if (query->unfinished && !is_unfinished(letter))
        return false;
    return record->timestamp_ms >= query->from_ms && record->timestamp_ms < query->to_ms;
}

/* False for what comes behind the first max of its partition. */
static enum status count_taken(struct reading *r, int32_t partition, bool *taken, struct err *err)
{
    size_t needed = (size_t)partition + 1;

    if (needed > r->partitions) {
        int64_t *grown = mem_resize(r->taken, needed * sizeof(*grown));

        if (!grown)
            return no_memory(err);
        r->taken = grown;
        while (r->partitions < needed)
            r->taken[r->partitions++] = 0;
    }
    *taken = r->query->max == 0 || r->taken[partition] < r->query->max;
    r->taken[partition]++;
    return ST_OK;
}

/* Absent stays absent; false: no memory. */
static bool copy(struct arena *arena, struct str from, struct str *to)
{
    *to = arena_dup(arena, from);
    return str_is_set(*to) || !str_is_set(from);
}

static bool copy_headers(struct reading *r, const struct record *from, struct record *to)
{
    struct arena *arena = &r->out->arena;
    struct header *headers = arena_alloc(arena, from->header_count * sizeof(*headers));

    if (!headers)
        return false;
    to->headers = headers;
    to->header_count = 0;
    for (size_t i = 0; i < from->header_count; i++) {
        struct header *header = &headers[to->header_count];

        if (!r->query->whole && !str_starts(from->headers[i].name, STR("dlq-")))
            continue;
        if (!copy(arena, from->headers[i].name, &header->name) ||
            !copy(arena, from->headers[i].value, &header->value))
            return false;
        to->header_count++;
    }
    return true;
}

static enum status keep(struct reading *r, const struct record *record, const struct letter *letter,
                        struct err *err)
{
    struct letters *out = r->out;
    struct dead *list = grow(out->list, out->count, &out->size, sizeof(*list));
    struct dead *dead;

    if (!list)
        return no_memory(err);
    out->list = list;
    dead = &list[out->count];
    *dead = (struct dead){.record = *record, .letter = *letter};
    if (!copy(&out->arena, record->topic, &dead->record.topic) ||
        !copy(&out->arena, record->key, &dead->record.key) ||
        !copy_headers(r, record, &dead->record))
        return no_memory(err);
    dead->record.value = (struct str){0};
    if (r->query->whole && !copy(&out->arena, record->value, &dead->record.value))
        return no_memory(err);
    out->count++;
    return ST_OK;
}

/* scan_fn */
static enum status look_at(void *arg, const struct record *record, struct err *err)
{
    struct reading *r = arg;
    struct letter letter = letter_of(&r->known, record);
    bool taken = false;
    enum status rc;

    if (!is_wanted(r->query, record, &letter))
        return ST_OK;
    r->enough = r->query->has_place;
    rc = count_taken(r, record->partition, &taken, err);
    if (rc == ST_OK && taken)
        rc = keep(r, record, &letter, err);
    return rc;
}

static enum status read_topic(const struct ctl *ctl, struct reading *r, struct err *err)
{
    const struct letters_query *query = r->query;
    char name[TOPIC_NAME_SIZE];
    const struct scan scan = {
        .settings = ctl->settings,
        .topic = name,
        .has_from = query->from_ms != INT64_MIN,
        .from_ms = query->from_ms,
        .enough = &r->enough,
    };

    topic_name(&ctl->settings->topic, TOPIC_DLQ, query->worker, name);
    return scan_topic(&scan, look_at, r, err);
}

enum status letters_read(const struct ctl *ctl, struct db *db, const struct letters_query *query,
                         struct letters *out, struct err *err)
{
    struct reading r = {.query = query, .out = out};
    enum status rc;

    *out = (struct letters){.arena = ARENA_INIT((size_t)TEXTS_MAX_MIB << 20)};
    rc = letter_list(db, query->worker, keep_known, &r.known, err);
    if (rc == ST_OK)
        rc = read_topic(ctl, &r, err);
    mem_free(r.known.list);
    mem_free(r.taken);
    if (out->count > 0)
        qsort(out->list, out->count, sizeof(*out->list), by_record);
    if (query->max > 0 && (int64_t)out->count > query->max)
        out->count = (size_t)query->max;
    return rc;
}

void letters_done(struct letters *letters)
{
    mem_free(letters->list);
    arena_done(&letters->arena);
    *letters = (struct letters){0};
}

struct str dead_header(const struct dead *dead, const char *name)
{
    return header_find(dead->record.headers, dead->record.header_count, str_from(name));
}

bool dead_number(const struct dead *dead, const char *name, int64_t max, int64_t *out)
{
    return num_parse_i64(dead_header(dead, name), 0, max, out);
}

const char *dead_state(const struct dead *dead)
{
    return dead->letter.state == LETTER_OPEN ? "open" : letter_state_name(dead->letter.state);
}
