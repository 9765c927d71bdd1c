/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include "base/loop.h"
#include "base/mem.h"
#include "http/loops.h"
#include "kafka/producer.h"

#include <stdatomic.h>

enum { EVERY_MS = 2000, ASK_MS = 1000, CLOSE_MS = 100 };

struct probe {
    const char *topic;
    struct producer *producer;
    struct loop *loop;
    struct loop_timer timer;
    struct loops *thread;
    atomic_bool answers;
};

static void ask(void *arg)
{
    struct probe *p = arg;
    int32_t partitions = 0;
    struct err err = {0};

    atomic_store(&p->answers, producer_topic(p->producer, p->topic, deadline_in(ASK_MS),
                                             &partitions, &err) == ST_OK);
    loop_timer_set(p->loop, &p->timer, deadline_in(EVERY_MS));
}

static void probe_main(void *arg)
{
    struct probe *p = arg;
    struct err err = {0};

    ask(p);
    if (loop_run(p->loop, &err) != ST_OK)
        atomic_store(&p->answers, false);
}

static enum status start(struct probe *p, const struct settings_kafka *kafka, struct err *err)
{
    struct producer_conf conf = {.kafka = kafka, .client_id = "kabao-ingress-probe"};
    void *args[] = {p};
    enum status rc = producer_open(&conf, &p->producer, err);

    if (rc == ST_OK)
        rc = loop_open(&p->loop, err);
    return rc == ST_OK ? loops_start(probe_main, args, 1, &p->thread, err) : rc;
}

enum status probe_open(const struct settings_kafka *kafka, const char *topic, struct probe **out,
                       struct err *err)
{
    struct probe *p = mem_zalloc(sizeof(*p));
    enum status rc;

    if (!p)
        return err_fatal(err, "memory", "out of memory");
    p->topic = topic;
    p->timer = (struct loop_timer){.fn = ask, .arg = p};
    rc = start(p, kafka, err);
    if (rc != ST_OK) {
        probe_close(p);
        return rc;
    }
    *out = p;
    return ST_OK;
}

void probe_close(struct probe *p)
{
    if (!p)
        return;
    if (p->thread)
        loop_stop(p->loop);
    loops_join(p->thread);
    loop_close(p->loop);
    producer_close(p->producer, deadline_in(CLOSE_MS));
    mem_free(p);
}

bool probe_answers(const struct probe *p)
{
    return atomic_load(&p->answers);
}
