/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_gather.h"

enum { PASSES_MAX = 4 };

struct gathering {
    const struct ctl *ctl;
    struct db *db;
    struct sought *s;
    struct tale *tale;
};

/* Until nothing new is learnt: an id leads to a trace, a trace to keys and to an earlier time. */
static enum status read_records(const struct gathering *g, bool wide, struct err *err)
{
    enum status rc = ST_OK;

    for (int pass = 0; pass < PASSES_MAX && rc == ST_OK; pass++) {
        tale_done(g->tale);
        tale_init(g->tale);
        g->s->changed = false;
        rc = sought_read(g->ctl, g->s, wide, g->tale, err);
        if (rc == ST_OK && g->db && g->s->changed)
            rc = trace_seek_more(g->db, g->s, err);
        if (!g->s->changed)
            break;
    }
    return rc;
}

enum status trace_gather(const struct ctl *ctl, struct db *db, struct sought *s, bool is_list,
                         struct tale *tale, struct err *err)
{
    const struct gathering g = {ctl, db, s, tale};
    enum status rc = ST_OK;

    tale_done(tale);
    tale_init(tale);
    if (map_len(s->keys) > 0)
        rc = read_records(&g, false, err);
    /* Known by its row, but not where its records stand. */
    if (rc == ST_OK && !tale->first && !is_list)
        rc = read_records(&g, true, err);
    if (rc == ST_OK && db)
        rc = trace_rows(db, ctl, s, tale, err);
    tale_arrange(tale);
    return rc;
}
