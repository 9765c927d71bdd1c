/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/counters.h"

#include "base/mem.h"
#include "wxsim/calls.h"

#include <string.h>

enum { CODES_MAX = 32 }; /* different errcodes of one path; further ones count in the total only */

struct code_count {
    int errcode;
    uint64_t count;
};

struct path_counters {
    uint64_t total;
    uint64_t carried_out;
    uint64_t faults[SIM_FAULTS];
    struct code_count codes[CODES_MAX];
    size_t code_count;
};

struct sim_counters {
    struct path_counters *paths; /* one for each call, then "other" */
};

struct sim_counters *sim_counters_new(void)
{
    AUTO(sim_counters_freep) struct sim_counters *c = mem_zalloc(sizeof(*c));

    if (c == NULL)
        return NULL;
    c->paths = mem_array(sim_calls_count() + 1, sizeof(*c->paths));
    return c->paths != NULL ? TAKE(c) : NULL;
}

void sim_counters_free(struct sim_counters *c)
{
    if (c != NULL)
        mem_free(c->paths);
    mem_free(c);
}

void sim_counters_reset(struct sim_counters *c)
{
    memset(c->paths, 0, (sim_calls_count() + 1) * sizeof(*c->paths));
}

static void count_code(struct path_counters *path, int errcode)
{
    size_t i = 0;

    while (i < path->code_count && path->codes[i].errcode != errcode)
        i++;
    if (i == CODES_MAX)
        return;
    if (i == path->code_count)
        path->codes[path->code_count++].errcode = errcode;
    path->codes[i].count++;
}

void sim_counters_add(struct sim_counters *c, const struct sim_call_def *def, enum sim_fault fault,
                      int errcode, bool carried_out)
{
    struct path_counters *path = &c->paths[def != NULL ? sim_calls_number(def) : sim_calls_count()];

    path->total++;
    path->carried_out += carried_out;
    path->faults[fault]++;
    if (fault == SIM_NO_FAULT || fault == SIM_ERRCODE)
        count_code(path, errcode);
}

static void write_path(const struct path_counters *path, struct jsonw *w)
{
    jsonw_object(w);
    jsonw_key_i64(w, "total", (int64_t)path->total);
    jsonw_key_i64(w, "carried_out", (int64_t)path->carried_out);
    jsonw_key(w, STR("errcodes"));
    jsonw_object(w);
    for (size_t i = 0; i < path->code_count; i++) {
        AUTO(buf_done) struct buf name = BUF_INIT(16);

        buf_add_i64(&name, path->codes[i].errcode);
        jsonw_key(w, buf_str(&name));
        jsonw_i64(w, (int64_t)path->codes[i].count);
    }
    jsonw_object_end(w);
    jsonw_key(w, STR("faults"));
    jsonw_object(w);
    for (int i = SIM_NO_FAULT + 1; i < SIM_FAULTS; i++)
        if (path->faults[i] > 0)
            jsonw_key_i64(w, sim_fault_name((enum sim_fault)i), (int64_t)path->faults[i]);
    jsonw_object_end(w);
    jsonw_object_end(w);
}

static void write_last_fetches(const struct sim_account *account, struct jsonw *w)
{
    const uint64_t end = account->fetch_count;
    const uint64_t start = end > SIM_FETCHES_KEPT ? end - SIM_FETCHES_KEPT : 0;

    jsonw_key(w, STR("last"));
    jsonw_array(w);
    for (uint64_t i = start; i < end; i++) {
        const struct sim_fetch *fetch = &account->last_fetches[i % SIM_FETCHES_KEPT];

        jsonw_object(w);
        jsonw_key_str(w, "kind", str_from(sim_fetch_name(fetch->kind)));
        jsonw_key_bool(w, "fresh", fetch->fresh);
        jsonw_key_i64(w, "at_ms", fetch->at_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_account(const struct sim_account *account, struct jsonw *w)
{
    jsonw_key(w, str_from(account->appid));
    jsonw_object(w);
    for (int i = 0; i < SIM_FETCH_KINDS; i++) {
        jsonw_key(w, str_from(sim_fetch_name((enum sim_fetch_kind)i)));
        jsonw_object(w);
        jsonw_key_i64(w, "fetches", (int64_t)account->fetches[i]);
        jsonw_key_i64(w, "fresh", (int64_t)account->fresh[i]);
        jsonw_object_end(w);
    }
    write_last_fetches(account, w);
    jsonw_object_end(w);
}

void sim_counters_write(const struct sim_counters *c, const struct sim_world *world,
                        struct jsonw *w)
{
    const size_t count = sim_calls_count();

    jsonw_object(w);
    jsonw_key(w, STR("calls"));
    jsonw_object(w);
    for (size_t i = 0; i <= count; i++) {
        jsonw_key(w, str_from(i < count ? sim_calls_at(i)->path : "other"));
        write_path(&c->paths[i], w);
    }
    jsonw_object_end(w);
    jsonw_key(w, STR("tokens"));
    jsonw_object(w);
    for (const struct map_entry *e = map_first(world->accounts); e != NULL; e = map_next(e))
        write_account(map_value(e), w);
    jsonw_object_end(w);
    jsonw_object_end(w);
}
