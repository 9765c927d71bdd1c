/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the headers of a request. */
#include "http/framing.h"

#include "base/num.h"
#include "base/str.h"

#include <microhttpd.h>

#include <stdbool.h>
#include <string.h>

struct framing {
    int lengths;
    int codings;
    bool malformed;
    bool too_large;
    uint64_t max_body_bytes;
};

static bool has_blank(struct str name)
{
    return memchr(name.ptr, ' ', name.len) != NULL || memchr(name.ptr, '\t', name.len) != NULL;
}

static void note_length(struct framing *f, struct str value)
{
    uint64_t bytes;

    f->lengths++;
    if (!num_parse_u64(value, 0, UINT64_MAX, &bytes) || bytes > f->max_body_bytes)
        f->too_large = true;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the parameters are the library's. */
static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    const struct str key = str_of(name, name_len);
    struct framing *f = cls;

    (void)kind;
    if (has_blank(key))
        f->malformed = true;
    if (str_ieq(key, STR(MHD_HTTP_HEADER_CONTENT_LENGTH)))
        note_length(f, str_of(value, value_len));
    else if (str_ieq(key, STR(MHD_HTTP_HEADER_TRANSFER_ENCODING))) {
        f->codings++;
        if (!str_ieq(str_of(value, value_len), STR("chunked")))
            f->malformed = true;
    }
    return MHD_YES;
}

int http_framing_check(struct MHD_Connection *mhd, uint64_t max_body_bytes)
{
    struct framing f = {.max_body_bytes = max_body_bytes};

    (void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, on_header, &f);
    if (f.malformed || f.lengths + f.codings > 1)
        return MHD_HTTP_BAD_REQUEST;
    return f.too_large ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}
