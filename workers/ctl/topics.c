/* SPDX-License-Identifier: Apache-2.0 */
/* kabaoctl topics plan|apply: the topics as they are beside what they should be. */
#include "kafka/topics.h"

#include "app/app.h"
#include "app/table.h"
#include "ctl.h"
#include "kafka/admin.h"

#include <stdio.h>
#include <string.h>

enum { ASK_MS = 10000 };

struct plan {
    const struct ctl *ctl;
    struct admin *admin;
    struct text_table *table;
    bool apply;
    size_t wrong; /* rows that cannot be mended by apply, or are not yet */
};

static struct admin_topic wanted(const struct settings_topic *settings, const struct topic_def *def)
{
    int64_t hours =
        def->retention_hours > 0 ? def->retention_hours : settings->event_retention_hours;
    struct admin_topic want = {
        .exists = true,
        .partitions = (int32_t)settings->partitions,
        .replication = (int32_t)settings->replication_factor,
        .retention_ms = def->compact ? -1 : hours * 3600 * 1000,
        .max_message_bytes = def->max_message_bytes,
    };

    (void)str_copy(def->compact ? STR("compact") : STR("delete"), want.cleanup_policy,
                   sizeof(want.cleanup_policy));
    return want;
}

static const char *judge(const struct admin_topic *is, const struct admin_topic *want)
{
    if (!is->exists)
        return "create";
    if (is->partitions != want->partitions)
        return "partitions differ";
    if (strcmp(is->cleanup_policy, want->cleanup_policy) != 0 ||
        (want->retention_ms >= 0 && is->retention_ms != want->retention_ms) ||
        is->max_message_bytes < want->max_message_bytes)
        return "alter";
    return "ok";
}

static enum status mend(struct plan *plan, const char *name, const char **verdict,
                        const struct admin_topic *want, struct err *err)
{
    enum status rc = ST_OK;

    if (strcmp(*verdict, "create") == 0) {
        rc = admin_create(plan->admin, name, want, deadline_in(ASK_MS), err);
        *verdict = "created";
    } else if (strcmp(*verdict, "alter") == 0) {
        rc = admin_alter(plan->admin, name, want, deadline_in(ASK_MS), err);
        *verdict = "altered";
    } else if (strcmp(*verdict, "ok") != 0) {
        plan->wrong++;
    }
    return rc;
}

static enum status add_row(struct plan *plan, const char *name, const char *verdict,
                           const struct admin_topic *is, const struct admin_topic *want,
                           struct err *err)
{
    char partitions[32];
    char retention[32] = "-";

    (void)snprintf(partitions, sizeof(partitions), "%d/%d", is->exists ? is->partitions : 0,
                   want->partitions);
    if (want->retention_ms >= 0)
        (void)snprintf(retention, sizeof(retention), "%lld h",
                       (long long)(want->retention_ms / 3600000));
    if (text_table_row(plan->table,
                       (const struct str[]){str_from(name), str_from(verdict), str_from(partitions),
                                            str_from(want->cleanup_policy), str_from(retention)}))
        return ST_OK;
    return err_fatal(err, "memory", "out of memory");
}

static enum status plan_topic(struct plan *plan, const struct topic_def *def, const char *worker,
                              struct err *err)
{
    struct admin_topic want = wanted(&plan->ctl->settings->topic, def);
    struct admin_topic is = {0};
    char name[TOPIC_NAME_SIZE];
    const char *verdict;
    enum status rc;

    topic_name(&plan->ctl->settings->topic, def->topic, worker, name);
    rc = admin_describe(plan->admin, name, deadline_in(ASK_MS), &is, err);
    if (rc != ST_OK)
        return rc;
    if (want.max_message_bytes > 0 && is.max_message_bytes > want.max_message_bytes)
        want.max_message_bytes = is.max_message_bytes; /* somebody wants more */
    verdict = judge(&is, &want);
    if (plan->apply)
        rc = mend(plan, name, &verdict, &want, err);
    else if (strcmp(verdict, "ok") != 0)
        plan->wrong++;
    return rc == ST_OK ? add_row(plan, name, verdict, &is, &want, err) : rc;
}

static enum status plan_family(struct plan *plan, const struct topic_def *def, struct err *err)
{
    enum status rc = ST_OK;

    if (!def->per_worker)
        return plan_topic(plan, def, NULL, err);
    for (const struct topic_worker *w = topic_workers(); rc == ST_OK && w->name; w++)
        rc = plan_topic(plan, def, w->name, err);
    return rc;
}

static enum status plan_all(struct plan *plan, struct err *err)
{
    enum status rc = admin_open(&plan->ctl->settings->kafka, &plan->admin, err);

    for (int topic = TOPIC_NONE + 1; rc == ST_OK && topic < TOPIC_COUNT; topic++)
        rc = plan_family(plan, topic_def((enum topic)topic), err);
    return rc;
}

int ctl_topics(const struct ctl *ctl)
{
    static const char *const columns[] = {"topic",   "state",     "partitions",
                                          "cleanup", "retention", NULL};
    bool apply = strcmp(ctl->words[0], "apply") == 0;
    struct plan plan = {.ctl = ctl, .apply = apply};
    struct err err = {0};
    enum status rc;

    if (!apply && strcmp(ctl->words[0], "plan") != 0)
        return ctl_usage("topics plan or topics apply");
    if (apply && !ctl_confirm(ctl, "Create and alter topics?"))
        return EXIT_USAGE;
    plan.table = text_table_new(columns, ctl->json);
    if (!plan.table)
        return EXIT_INTERNAL;
    rc = plan_all(&plan, &err);
    if (!text_table_print(plan.table) && rc == ST_OK)
        rc = err_fatal(&err, "memory", "the table cannot be printed");
    text_table_free(plan.table);
    admin_close(plan.admin);
    if (rc != ST_OK)
        return ctl_fail(rc, &err);
    return plan.wrong == 0 ? EXIT_DONE : EXIT_CONFIG;
}
