/* SPDX-License-Identifier: Apache-2.0 */
/* Topics created, described and altered through librdkafka's admin interface. */
#include "kafka/admin.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "kafka/conf.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 200, NUMBER_SIZE = 24, ANSWER_MS = 30000, VISIBLE_PAUSE_MS = 50 };

struct admin {
    struct kafka_handle handle;
    rd_kafka_queue_t *answers;
};

enum status admin_open(const struct settings_kafka *kafka, struct admin **out, struct err *err)
{
    const struct kafka_spec spec = {.settings = kafka, .kind = KAFKA_CLIENT};
    struct admin *a = mem_zalloc(sizeof(*a));
    enum status rc;

    if (a == NULL)
        return err_fatal(err, "memory", "no memory for topic administration");
    rc = kafka_handle_open(&spec, a, &a->handle, err);
    if (rc != ST_OK) {
        mem_free(a);
        return rc;
    }
    a->answers = rd_kafka_queue_new(a->handle.rk);
    *out = a;
    return ST_OK;
}

void admin_close(struct admin *a)
{
    if (a == NULL)
        return;
    rd_kafka_queue_destroy(a->answers);
    rd_kafka_destroy(a->handle.rk);
    mem_free(a);
}

/* --- requests --- */

static rd_kafka_AdminOptions_t *options_for(struct admin *a, rd_kafka_admin_op_t operation,
                                            struct deadline until)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(a->handle.rk, operation);
    const int timeout_ms = kafka_timeout_ms(until, ANSWER_MS);
    char text[TEXT_SIZE];

    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms > 0 ? timeout_ms : 1, text,
                                                    sizeof(text));
    return options;
}

/* NULL with *rc and err filled: no answer in time, or one that is an error. */
static rd_kafka_event_t *answer(struct admin *a, struct deadline until, enum status *rc,
                                struct err *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(a->answers, kafka_timeout_ms(until, ANSWER_MS));

    if (event == NULL) {
        /* A late answer must not be taken for the next request's. */
        rd_kafka_queue_destroy(a->answers);
        a->answers = rd_kafka_queue_new(a->handle.rk);
        *rc = err_retry(err, "kafka:timeout", "no broker answered in time");
        return NULL;
    }
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    *rc = kafka_error_text(rd_kafka_event_error(event), "topic administration",
                           rd_kafka_event_error_string(event), err);
    rd_kafka_event_destroy(event);
    return NULL;
}

static enum status topic_result(const rd_kafka_topic_result_t *result, struct err *err)
{
    const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(result);
    const char *text = rd_kafka_topic_result_error_string(result);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return ST_OK;
    if (code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR ||
        code == RD_KAFKA_RESP_ERR_INVALID_PARTITIONS || code == RD_KAFKA_RESP_ERR_INVALID_CONFIG ||
        code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION)
        return err_fatal(err, "kafka:topic", "topic %s: %s", rd_kafka_topic_result_name(result),
                         text != NULL ? text : rd_kafka_err2str(code));
    return kafka_error_text(code, rd_kafka_topic_result_name(result),
                            text != NULL ? text : rd_kafka_err2str(code), err);
}

/* --- describe --- */

typedef void config_fn(void *arg, const rd_kafka_ConfigEntry_t *entry);

static enum status resource_error(const rd_kafka_ConfigResource_t *resource, struct err *err)
{
    const rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resource);
    const char *text = rd_kafka_ConfigResource_error_string(resource);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ST_OK;
    return kafka_error_text(code, rd_kafka_ConfigResource_name(resource),
                            text != NULL ? text : rd_kafka_err2str(code), err);
}

static enum status walk_configs(rd_kafka_event_t *event, config_fn *fn, void *arg, struct err *err)
{
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
    const rd_kafka_ConfigResource_t **resources;
    const rd_kafka_ConfigEntry_t **entries;
    size_t count = 0;
    enum status rc;

    resources = rd_kafka_DescribeConfigs_result_resources(result, &count);
    if (count != 1)
        return err_retry(err, "kafka:topic", "the broker described no topic");
    rc = resource_error(resources[0], err);
    if (rc != ST_OK)
        return rc;
    entries = rd_kafka_ConfigResource_configs(resources[0], &count);
    for (size_t i = 0; i < count; i++)
        fn(arg, entries[i]);
    return ST_OK;
}

/* fn gets every setting of the topic. */
static enum status read_configs(struct admin *a, const char *topic, struct deadline until,
                                config_fn *fn, void *arg, struct err *err)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options = options_for(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, until);
    rd_kafka_event_t *event;
    enum status rc = ST_OK;

    rd_kafka_DescribeConfigs(a->handle.rk, &resource, 1, options, a->answers);
    event = answer(a, until, &rc, err);
    if (event != NULL)
        rc = walk_configs(event, fn, arg, err);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
    return rc;
}

static void take_config(void *arg, const rd_kafka_ConfigEntry_t *entry)
{
    const struct str name = str_from(rd_kafka_ConfigEntry_name(entry));
    const struct str value = str_from(rd_kafka_ConfigEntry_value(entry));
    struct admin_topic *out = arg;

    if (str_eq_cstr(name, "cleanup.policy"))
        (void)str_copy(value, out->cleanup_policy, sizeof(out->cleanup_policy));
    else if (str_eq_cstr(name, "retention.ms"))
        (void)num_parse_i64(value, -1, INT64_MAX, &out->retention_ms);
    else if (str_eq_cstr(name, "max.message.bytes"))
        (void)num_parse_i64(value, 0, INT64_MAX, &out->max_message_bytes);
}

static enum status read_policy(struct admin *a, const char *topic, struct deadline until,
                               struct admin_topic *out, struct err *err)
{
    return read_configs(a, topic, until, take_config, out, err);
}

enum status admin_describe(struct admin *a, const char *topic, struct deadline until,
                           struct admin_topic *out, struct err *err)
{
    struct admin_topic found = {.exists = true};
    struct kafka_topic_shape shape;
    struct err missing;
    enum status rc;

    rc = kafka_topic_shape(a->handle.rk, topic, until, &shape, &missing);
    if (rc == ST_FATAL && str_eq_cstr(str_from(missing.code), "kafka:topic")) {
        *out = (struct admin_topic){0};
        return ST_OK;
    }
    if (rc != ST_OK) {
        *err = missing;
        return rc;
    }
    found.partitions = shape.partitions;
    found.replication = shape.replication;
    rc = read_policy(a, topic, until, &found, err);
    if (rc == ST_OK)
        *out = found;
    return rc;
}

/* --- create --- */

/* A topic is everywhere a moment after it was made. */
static enum status wait_visible(struct admin *a, const char *topic, struct deadline until,
                                struct err *err)
{
    struct kafka_topic_shape shape;

    for (;;) {
        const enum status rc = kafka_topic_shape(a->handle.rk, topic, until, &shape, err);

        if (rc == ST_OK || deadline_passed(until))
            return rc;
        (void)poll(NULL, 0, kafka_timeout_ms(until, VISIBLE_PAUSE_MS));
    }
}

static enum status created(rd_kafka_event_t *event, struct err *err)
{
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);

    if (count != 1)
        return err_retry(err, "kafka:topic", "the broker did not say what it created");
    return topic_result(results[0], err);
}

static enum status send_create(struct admin *a, rd_kafka_NewTopic_t *topic, struct deadline until,
                               struct err *err)
{
    rd_kafka_AdminOptions_t *options = options_for(a, RD_KAFKA_ADMIN_OP_CREATETOPICS, until);
    rd_kafka_event_t *event;
    enum status rc = ST_OK;

    rd_kafka_CreateTopics(a->handle.rk, &topic, 1, options, a->answers);
    event = answer(a, until, &rc, err);
    if (event != NULL)
        rc = created(event, err);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    return rc;
}

struct own_configs {
    const char *policy;
    char retention[NUMBER_SIZE];
    char max_message[NUMBER_SIZE]; /* "": the broker's */
};

static struct own_configs configs_of(const struct admin_topic *want)
{
    struct own_configs own = {.policy = want->cleanup_policy};

    (void)snprintf(own.retention, sizeof(own.retention), "%lld", (long long)want->retention_ms);
    if (want->max_message_bytes > 0)
        (void)snprintf(own.max_message, sizeof(own.max_message), "%lld",
                       (long long)want->max_message_bytes);
    return own;
}

enum status admin_create(struct admin *a, const char *topic, const struct admin_topic *want,
                         struct deadline until, struct err *err)
{
    const struct own_configs own = configs_of(want);
    char text[TEXT_SIZE] = "";
    rd_kafka_NewTopic_t *new_topic;
    enum status rc;

    new_topic =
        rd_kafka_NewTopic_new(topic, want->partitions, want->replication, text, sizeof(text));
    if (new_topic == NULL)
        return err_fatal(err, "kafka:topic", "topic %s: %s", topic, text);
    (void)rd_kafka_NewTopic_set_config(new_topic, "cleanup.policy", own.policy);
    (void)rd_kafka_NewTopic_set_config(new_topic, "retention.ms", own.retention);
    if (own.max_message[0] != '\0')
        (void)rd_kafka_NewTopic_set_config(new_topic, "max.message.bytes", own.max_message);
    rc = send_create(a, new_topic, until, err);
    rd_kafka_NewTopic_destroy(new_topic);
    if (rc != ST_OK)
        return rc;
    return wait_visible(a, topic, until, err);
}

/* --- alter --- */

static bool is_ours(struct str name)
{
    return str_eq_cstr(name, "cleanup.policy") || str_eq_cstr(name, "retention.ms") ||
           str_eq_cstr(name, "max.message.bytes");
}

/* AlterConfigs sets everything it does not name back to its default (librdkafka 2.0.2 knows no
 * incremental form), so what else was set on the topic goes along. A change by somebody else
 * between reading and writing is lost; topics are altered by one operator at a time. */
static void keep_config(void *arg, const rd_kafka_ConfigEntry_t *entry)
{
    rd_kafka_ConfigResource_t *resource = arg;
    const char *name = rd_kafka_ConfigEntry_name(entry);
    const char *value = rd_kafka_ConfigEntry_value(entry);

    if (rd_kafka_ConfigEntry_source(entry) != RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG ||
        value == NULL || is_ours(str_from(name)))
        return;
    (void)rd_kafka_ConfigResource_set_config(resource, name, value);
}

static enum status altered(rd_kafka_event_t *event, struct err *err)
{
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &count);

    if (count != 1)
        return err_retry(err, "kafka:topic", "the broker did not say what it altered");
    return resource_error(resources[0], err);
}

static enum status send_alter(struct admin *a, rd_kafka_ConfigResource_t *resource,
                              struct deadline until, struct err *err)
{
    rd_kafka_AdminOptions_t *options = options_for(a, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, until);
    rd_kafka_event_t *event;
    enum status rc = ST_OK;

    rd_kafka_AlterConfigs(a->handle.rk, &resource, 1, options, a->answers);
    event = answer(a, until, &rc, err);
    if (event != NULL)
        rc = altered(event, err);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    return rc;
}

/* The controller answers first, the broker that describes follows a moment later. */
static enum status wait_altered(struct admin *a, const char *topic, const struct admin_topic *want,
                                struct deadline until, struct err *err)
{
    for (;;) {
        struct admin_topic now = {0};
        enum status rc;

        rc = read_policy(a, topic, until, &now, err);
        if (rc == ST_OK && now.retention_ms == want->retention_ms &&
            (want->max_message_bytes == 0 || now.max_message_bytes == want->max_message_bytes) &&
            strcmp(now.cleanup_policy, want->cleanup_policy) == 0)
            return ST_OK;
        if (deadline_passed(until))
            return rc != ST_OK ? rc
                               : err_retry(err, "kafka:timeout",
                                           "topic %s: the change is not visible yet", topic);
        (void)poll(NULL, 0, kafka_timeout_ms(until, VISIBLE_PAUSE_MS));
    }
}

static void add_ours(rd_kafka_ConfigResource_t *resource, const struct admin_topic *want)
{
    const struct own_configs own = configs_of(want);

    (void)rd_kafka_ConfigResource_set_config(resource, "cleanup.policy", own.policy);
    (void)rd_kafka_ConfigResource_set_config(resource, "retention.ms", own.retention);
    if (own.max_message[0] != '\0')
        (void)rd_kafka_ConfigResource_set_config(resource, "max.message.bytes", own.max_message);
}

enum status admin_alter(struct admin *a, const char *topic, const struct admin_topic *want,
                        struct deadline until, struct err *err)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    enum status rc;

    rc = read_configs(a, topic, until, keep_config, resource, err);
    if (rc == ST_OK) {
        add_ours(resource, want);
        rc = send_alter(a, resource, until, err);
    }
    rd_kafka_ConfigResource_destroy(resource);
    if (rc != ST_OK)
        return rc;
    return wait_altered(a, topic, want, until, err);
}
