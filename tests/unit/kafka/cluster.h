/* SPDX-License-Identifier: Apache-2.0 */
/* A broker inside the test process: librdkafka's mock cluster behind the settings that reach it. */
#pragma once

#include "base/attr.h"
#include "config/settings.h"
#include "tests/unit/check.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

enum { PROPERTIES_MAX = 8, PARTITIONS = 4, PATIENCE_MS = 20000 };

struct cluster {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *mock;
    struct kafka_property properties[PROPERTIES_MAX];
    struct settings_kafka settings;
};

/* The texts must outlive the cluster. */
static inline void cluster_set(struct cluster *c, struct kafka_property property)
{
    assert_true(c->settings.count < PROPERTIES_MAX);
    c->properties[c->settings.count++] = property;
}

static inline void cluster_open(struct cluster *c, char *address, size_t size)
{
    static char servers[] = "bootstrap.servers";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[200];

    /* It has no servers of its own and would say so. */
    assert_int_equal(rd_kafka_conf_set(conf, "log_level", "0", text, sizeof(text)), 0);
    c->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    assert_non_null(c->rk);
    c->mock = rd_kafka_mock_cluster_new(c->rk, 1);
    assert_non_null(c->mock);
    c->settings = (struct settings_kafka){.properties = c->properties};
    assert_true(str_copy(str_from(rd_kafka_mock_cluster_bootstraps(c->mock)), address, size));
    cluster_set(c, (struct kafka_property){servers, address});
}

static inline void cluster_close(struct cluster *c)
{
    rd_kafka_mock_cluster_destroy(c->mock);
    rd_kafka_destroy(c->rk);
}

static inline void cluster_topic(struct cluster *c, const char *topic)
{
    assert_int_equal(rd_kafka_mock_topic_create(c->mock, topic, PARTITIONS, 1), 0);
}
