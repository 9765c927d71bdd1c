/* SPDX-License-Identifier: Apache-2.0 */
/* Several lines of one name are one value (RFC 9110, 5.3). */
#include "http/header_lines.h"

#include "base/attr.h"

#include <microhttpd.h>

#include <string.h>

struct header_list {
    const char *name;
    struct arena *arena;
    struct str value;
};

struct str http_header_first(struct MHD_Connection *mhd, const char *name)
{
    const char *value = NULL;
    size_t len = 0;

    if (MHD_lookup_connection_value_n(mhd, MHD_HEADER_KIND, name, strlen(name), &value, &len) !=
        MHD_YES)
        return (struct str){NULL, 0};
    return str_of(value != NULL ? value : "", len);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the parameters are the library's. */
static enum MHD_Result add_line(void *cls, enum MHD_ValueKind kind UNUSED, const char *name,
                                size_t name_len, const char *value, size_t value_len)
{
    struct header_list *list = cls;
    const struct str line = str_of(value != NULL ? value : "", value_len);

    if (!str_ieq(str_of(name, name_len), str_from(list->name)))
        return MHD_YES;
    if (!str_is_set(list->value)) {
        list->value = line;
        return MHD_YES;
    }
    list->value = arena_printf(list->arena, "%.*s, %.*s", STR_ARG(list->value), STR_ARG(line));
    if (str_is_set(list->value))
        return MHD_YES;
    list->value = STR("");
    return MHD_NO;
}

struct str http_header_list(struct MHD_Connection *mhd, const char *name, struct arena *arena)
{
    struct header_list list = {.name = name, .arena = arena};

    (void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, add_line, &list);
    return list.value;
}
