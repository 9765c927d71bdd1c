/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/handles.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "codec/base64.h"

#include <string.h>

enum { RANDOM_BYTES = 47 }; /* one short of a full block: the text ends in '=' */

void sim_handle_free(void *handle)
{
    struct sim_handle *h = handle;

    if (h == NULL)
        return;
    mem_free(h->appid);
    mem_free(h->content);
    mem_free(h);
}

static void make_text(struct buf *text)
{
    uint8_t bytes[RANDOM_BYTES];

    do {
        buf_clear(text);
        rand_bytes(bytes, sizeof(bytes));
        base64_format(bytes, sizeof(bytes), text);
    } while (buf_ok(text) && (strchr(text->ptr, '+') == NULL || strchr(text->ptr, '/') == NULL));
}

bool sim_handle_put(struct map *in, const char *appid, const char *content, int64_t expires_at_ms,
                    struct str text)
{
    struct sim_handle *handle = mem_zalloc(sizeof(*handle));

    if (handle == NULL)
        return false;
    handle->appid = mem_strdup(appid);
    handle->content = mem_strdup(content);
    handle->expires_at_ms = expires_at_ms;
    if (handle->appid != NULL && handle->content != NULL && map_put(in, text, handle, NULL))
        return true;
    sim_handle_free(handle);
    return false;
}

bool sim_handle_make(struct map *in, const char *appid, const char *content, int64_t expires_at_ms,
                     char out[SIM_HANDLE_SIZE])
{
    AUTO(buf_done) struct buf text = BUF_INIT(SIM_HANDLE_SIZE);

    make_text(&text);
    return buf_ok(&text) && str_copy(buf_str(&text), out, SIM_HANDLE_SIZE) &&
           sim_handle_put(in, appid, content, expires_at_ms, buf_str(&text));
}

const struct sim_handle *sim_handle_find(const struct map *in, const char *appid, struct str text)
{
    const struct sim_handle *handle = map_get(in, text);

    return handle != NULL && strcmp(handle->appid, appid) == 0 ? handle : NULL;
}
