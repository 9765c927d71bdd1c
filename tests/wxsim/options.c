/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/options.h"

#include "base/num.h"

#include <stdio.h>

static const struct sim_option *find(const struct sim_option *rows, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_cstr(name, rows[i].name))
            return &rows[i];
    return NULL;
}

static bool refuse(struct str name, const char *why)
{
    (void)fprintf(stderr, "kabao-wxsim: --%.*s: %s\n", STR_ARG(name), why);
    return false;
}

static bool take(const struct sim_option *row, const char *value, void *out)
{
    void *slot = (char *)out + row->offset;
    struct sim_list *list = slot;

    switch (row->kind) {
    case SIM_OPT_TEXT: *(const char **)slot = value; return true;
    case SIM_OPT_FLAG: *(bool *)slot = true; return true;
    case SIM_OPT_INT:
        if (num_parse_i64(str_from(value), row->min, row->max, slot))
            return true;
        return refuse(str_from(row->name), "not a number in range");
    case SIM_OPT_LIST:
        if (list->count == SIM_LIST_MAX)
            return refuse(str_from(row->name), "given too often");
        list->items[list->count++] = value;
        return true;
    }
    return false;
}

bool sim_options_parse(const struct sim_option *rows, size_t count, int argc, char **argv,
                       void *out)
{
    for (int i = 0; i < argc; i++) {
        struct str name;
        struct str value;
        const struct sim_option *row;

        if (!str_starts(str_from(argv[i]), STR("--")))
            return refuse(str_from(argv[i]), "not an option");
        (void)str_cut(str_from(argv[i] + 2), '=', &name, &value);
        row = find(rows, count, name);
        if (row == NULL)
            return refuse(name, "unknown option");
        if (row->kind == SIM_OPT_FLAG && str_is_set(value))
            return refuse(name, "takes no value");
        if (row->kind != SIM_OPT_FLAG && !str_is_set(value)) {
            if (++i == argc)
                return refuse(name, "needs a value");
            value = str_from(argv[i]);
        }
        if (!take(row, value.ptr, out)) /* argv's texts end in NUL, and so do their tails */
            return false;
    }
    return true;
}
