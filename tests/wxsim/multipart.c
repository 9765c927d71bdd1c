/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/multipart.h"

enum { BOUNDARY_MAX = 70 }; /* RFC 2046, 5.1.1 */

/* The value of ; name="value" or ; name=value behind a header's first word. */
static struct str parameter(struct str header, const char *name)
{
    struct str part;

    (void)str_cut(header, ';', &part, &header);
    while (str_cut(header, ';', &part, &header)) {
        struct str key;
        struct str value;

        (void)str_cut(part, '=', &key, &value);
        if (!str_ieq(str_trim(key), str_from(name)) || !str_is_set(value))
            continue;
        value = str_trim(value);
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            return str_of(value.ptr + 1, value.len - 2);
        return value;
    }
    return (struct str){NULL, 0};
}

static bool first_word_is(struct str header, const char *word)
{
    struct str first;
    struct str rest;

    return str_cut(header, ';', &first, &rest) && str_ieq(str_trim(first), str_from(word));
}

static bool take(struct str *rest, struct str text)
{
    if (!str_starts(*rest, text))
        return false;
    *rest = str_skip(*rest, text.len);
    return true;
}

/* One line up to CR LF, which is taken too. */
static bool take_line(struct str *rest, struct str *line)
{
    size_t at;

    if (!str_find(*rest, STR("\r\n"), &at))
        return false;
    *line = str_of(rest->ptr, at);
    *rest = str_skip(*rest, at + 2);
    return true;
}

static bool read_header(struct str line, struct sim_part *part)
{
    struct str name;
    struct str value;

    (void)str_cut(line, ':', &name, &value);
    if (!str_is_set(value))
        return false;
    value = str_trim(value);
    if (str_ieq(name, STR("content-type")))
        part->content_type = value;
    if (!str_ieq(name, STR("content-disposition")))
        return true;
    part->name = parameter(value, "name");
    part->filename = parameter(value, "filename");
    return first_word_is(value, "form-data");
}

/* Headers and content up to CR LF "--" boundary, which stays. */
static bool read_part(struct str *rest, struct str boundary, struct sim_part *part)
{
    struct str line;
    size_t at = 0;

    do {
        if (!take_line(rest, &line) || (line.len > 0 && !read_header(line, part)))
            return false;
    } while (line.len > 0);
    for (struct str search = *rest; str_find(search, STR("\r\n--"), &at);
         search = str_skip(search, at + 4)) {
        const struct str behind = str_skip(search, at + 4);

        if (!str_starts(behind, boundary))
            continue;
        part->bytes = str_of(rest->ptr, (size_t)(search.ptr - rest->ptr) + at);
        *rest = str_skip(*rest, part->bytes.len + 4 + boundary.len);
        return !str_is_empty(part->name);
    }
    return false;
}

void sim_multipart_parse(struct str content_type, struct str body, struct sim_form_data *out)
{
    const struct str boundary = parameter(content_type, "boundary");

    *out = (struct sim_form_data){.count = 0};
    if (!first_word_is(content_type, "multipart/form-data") || boundary.len < 1 ||
        boundary.len > BOUNDARY_MAX || !take(&body, STR("--")) || !take(&body, boundary))
        return;
    while (take(&body, STR("\r\n"))) {
        if (out->count == SIM_PARTS_MAX || !read_part(&body, boundary, &out->parts[out->count]))
            return;
        out->count++;
    }
    out->well_formed =
        out->count > 0 && take(&body, STR("--")) && (body.len == 0 || str_eq(body, STR("\r\n")));
}

const struct sim_part *sim_form_part(const struct sim_form_data *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (str_eq_cstr(form->parts[i].name, name))
            return &form->parts[i];
    return NULL;
}
