/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer with the group's name that never subscribes: reading commits does not join. */
#include "kafka/group.h"

#include "base/arena.h"
#include "base/mem.h"
#include "kafka/conf.h"

enum { TEXTS_MAX = 64 << 20, ASK_MS = 10000, POLL_MS = 200, MEMBERS_MS = 30000 };

typedef rd_kafka_topic_partition_list_t partitions;

struct group {
    struct kafka_handle handle;
    struct arena arena;
    struct group_place *places;
    size_t count;
};

static enum status add_topic(struct group *g, partitions *list, const char *topic,
                             struct deadline until, struct err *err)
{
    struct kafka_topic_shape shape;
    enum status rc = kafka_topic_shape(g->handle.rk, topic, until, &shape, err);

    if (rc != ST_OK)
        return rc;
    rd_kafka_topic_partition_list_add_range(list, topic, 0, shape.partitions - 1);
    return ST_OK;
}

static enum status take_ends(struct group *g, partitions *list, struct deadline until,
                             struct err *err)
{
    enum status rc = kafka_read_ends(g->handle.rk, list, RD_KAFKA_OFFSET_END,
                                     kafka_timeout_ms(until, ASK_MS), err);

    for (size_t i = 0; rc == ST_OK && i < g->count; i++)
        g->places[i].end = list->elems[i].offset;
    if (rc == ST_OK)
        rc = kafka_read_ends(g->handle.rk, list, RD_KAFKA_OFFSET_BEGINNING,
                             kafka_timeout_ms(until, ASK_MS), err);
    for (size_t i = 0; rc == ST_OK && i < g->count; i++)
        g->places[i].begin = list->elems[i].offset;
    return rc;
}

static enum status take_commits(struct group *g, partitions *list, struct deadline until,
                                struct err *err)
{
    rd_kafka_resp_err_t code =
        rd_kafka_committed(g->handle.rk, list, kafka_timeout_ms(until, ASK_MS));
    enum status rc = code == RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_list_error(list, "commits", err)
                                                        : kafka_error(code, "commits", err);

    for (size_t i = 0; rc == ST_OK && i < g->count; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];
        struct group_place *place = &g->places[i];

        place->next = at->offset > place->begin ? at->offset : place->begin;
        if (at->metadata_size > 0)
            place->metadata = arena_dup(&g->arena, str_of(at->metadata, at->metadata_size));
    }
    return rc;
}

static enum status keep_places(struct group *g, const partitions *list, struct err *err)
{
    g->places = mem_zalloc((size_t)list->cnt * sizeof(*g->places));
    if (!g->places)
        return err_retry(err, "memory", "no memory for %d partitions", list->cnt);
    for (; g->count < (size_t)list->cnt; g->count++) {
        const rd_kafka_topic_partition_t *at = &list->elems[g->count];
        struct str topic = arena_dup(&g->arena, str_from(at->topic));

        if (!str_is_set(topic))
            return err_retry(err, "memory", "no memory for %d partitions", list->cnt);
        g->places[g->count] =
            (struct group_place){.topic = topic.ptr, .partition = at->partition, .oldest_ms = -1};
    }
    return ST_OK;
}

/* The first record that waits. */

static struct group_place *find(struct group *g, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);

    for (size_t i = 0; i < g->count; i++)
        if (g->places[i].partition == message->partition &&
            str_eq_cstr(str_from(g->places[i].topic), topic))
            return &g->places[i];
    return NULL;
}

/* True: one of those looked for is settled: its first record came, or its end without one. */
static bool note_first(struct group *g, const rd_kafka_message_t *message, bool *sought)
{
    const bool is_record = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    struct group_place *place;

    if (!is_record && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return false;
    place = find(g, message);
    if (!place || !sought[place - g->places])
        return false;
    if (is_record)
        place->oldest_ms = rd_kafka_message_timestamp(message, NULL);
    sought[place - g->places] = false;
    return true;
}

static void read_firsts(struct group *g, bool *sought, int wanted, struct deadline until)
{
    while (wanted > 0 && !deadline_passed(until)) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(g->handle.rk, kafka_timeout_ms(until, POLL_MS));

        if (!message)
            continue;
        wanted -= note_first(g, message, sought) ? 1 : 0;
        rd_kafka_message_destroy(message);
    }
}

static enum status take_firsts(struct group *g, struct deadline until, struct err *err)
{
    bool *sought = arena_alloc(&g->arena, g->count * sizeof(*sought));
    partitions *waiting = rd_kafka_topic_partition_list_new((int)g->count);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (!sought) {
        rd_kafka_topic_partition_list_destroy(waiting);
        return err_retry(err, "memory", "no memory for %zu partitions", g->count);
    }
    for (size_t i = 0; i < g->count; i++) {
        struct group_place *place = &g->places[i];

        sought[i] = place->next < place->end;
        if (sought[i])
            rd_kafka_topic_partition_list_add(waiting, place->topic, place->partition)->offset =
                place->next;
    }
    if (waiting->cnt > 0)
        code = rd_kafka_assign(g->handle.rk, waiting);
    if (waiting->cnt > 0 && code == RD_KAFKA_RESP_ERR_NO_ERROR)
        read_firsts(g, sought, waiting->cnt, until);
    rd_kafka_topic_partition_list_destroy(waiting);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? ST_OK : kafka_error(code, "assign", err);
}

static enum status read_group(struct group *g, partitions *list, const char *const *topics,
                              size_t topic_count, struct deadline until, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < topic_count; i++)
        rc = add_topic(g, list, topics[i], until, err);
    if (rc == ST_OK)
        rc = keep_places(g, list, err);
    if (rc == ST_OK)
        rc = take_ends(g, list, until, err);
    if (rc == ST_OK)
        rc = take_commits(g, list, until, err);
    return rc == ST_OK ? take_firsts(g, until, err) : rc;
}

enum status group_open(const struct settings_kafka *kafka, const struct group_query *query,
                       struct deadline until, struct group **out, struct err *err)
{
    const struct kafka_option fixed[] = {
        {"group.id", query->name}, {"enable.partition.eof", "true"}, {NULL, NULL}};
    const struct kafka_spec spec = {
        .settings = kafka, .kind = KAFKA_CONSUMER, .client_id = "kabaoctl", .fixed = fixed};
    struct group *g = mem_zalloc(sizeof(*g));
    partitions *list;
    enum status rc;

    if (!g)
        return err_retry(err, "memory", "no memory for a group");
    g->arena.max = TEXTS_MAX;
    rc = kafka_handle_open(&spec, g, &g->handle, err);
    if (rc != ST_OK) {
        mem_free(g);
        return rc;
    }
    list = rd_kafka_topic_partition_list_new(0);
    rc = read_group(g, list, query->topics, query->topic_count, until, err);
    rd_kafka_topic_partition_list_destroy(list);
    if (rc != ST_OK) {
        group_close(g);
        return rc;
    }
    *out = g;
    return ST_OK;
}

void group_close(struct group *g)
{
    if (!g)
        return;
    arena_done(&g->arena);
    mem_free(g->places);
    if (kafka_handle_close(&g->handle))
        mem_free(g);
}

const struct group_place *group_places(const struct group *g, size_t *count)
{
    *count = g->count;
    return g->places;
}

/* Who is in it */

static enum status count_members(const struct rd_kafka_group_list *list, int *members,
                                 struct err *err)
{
    int found = 0;

    for (int i = 0; i < list->group_cnt; i++) {
        if (list->groups[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error(list->groups[i].err, list->groups[i].group, err);
        found += list->groups[i].member_cnt;
    }
    *members = found;
    return ST_OK;
}

enum status group_members(const struct settings_kafka *kafka, const char *name,
                          struct deadline until, int *members, struct err *err)
{
    const struct kafka_spec spec = {
        .settings = kafka, .kind = KAFKA_CLIENT, .client_id = "kabaoctl"};
    const struct rd_kafka_group_list *list = NULL;
    struct kafka_handle handle = {0};
    rd_kafka_resp_err_t code;
    enum status rc = kafka_handle_open(&spec, NULL, &handle, err);

    if (rc != ST_OK)
        return rc;
    code = rd_kafka_list_groups(handle.rk, name, &list, kafka_timeout_ms(until, MEMBERS_MS));
    rc = code == RD_KAFKA_RESP_ERR_NO_ERROR && list ? count_members(list, members, err)
                                                    : kafka_error(code, name, err);
    if (list)
        rd_kafka_group_list_destroy(list);
    rd_kafka_destroy(handle.rk);
    return rc;
}
