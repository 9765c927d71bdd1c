/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue's rows as definitions, and as a list in the order of the table. */
#include "metrics/catalog.h"

#define METRIC_DEFINE(id, kind, group, metric_name, text, known, ...) \
    const struct metric_def METRIC_##id = {                           \
        .name = (metric_name),                                        \
        .type = METRIC_##kind,                                        \
        .help = (text),                                               \
        .groups = METRIC_GROUP_##group,                               \
        .values = (known),                                            \
        .labels = {__VA_ARGS__},                                      \
    };
METRIC_CATALOG(METRIC_DEFINE)

#define METRIC_ROW(id, ...) &METRIC_##id,

const struct metric_def *const *metric_catalog(size_t *count)
{
    static const struct metric_def *const rows[] = {METRIC_CATALOG(METRIC_ROW)};

    *count = COUNT_OF(rows);
    return rows;
}

void metric_declare_groups(struct metrics *m, unsigned groups)
{
    size_t count = 0;
    const struct metric_def *const *rows = metric_catalog(&count);

    for (size_t i = 0; i < count; i++)
        if ((rows[i]->groups & groups) != 0)
            metric_declare(m, rows[i]);
}
