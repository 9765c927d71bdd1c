/* SPDX-License-Identifier: Apache-2.0 */
/* An answer as libmicrohttpd wants it. */
#include "http/response.h"

#include "base/mem.h"

#include <microhttpd.h>

#include <string.h>

static bool add(struct MHD_Response *to, const char *name, const char *value)
{
    return name != NULL && value != NULL && MHD_add_response_header(to, name, value) == MHD_YES;
}

static bool add_headers(struct MHD_Response *to, const struct http_answer *answer, bool close_after,
                        struct arena *arena)
{
    if (answer->content_type != NULL &&
        !add(to, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type))
        return false;
    for (size_t i = 0; i < answer->header_count; i++)
        if (!add(to, arena_cstr(arena, answer->headers[i].name),
                 arena_cstr(arena, answer->headers[i].value)))
            return false;
    return !close_after || add(to, MHD_HTTP_HEADER_CONNECTION, "close");
}

static struct MHD_Response *new_response(struct str body)
{
    void *bytes;

    /* The library copies; that its parameter is not const is history. */
    memcpy(&bytes, &body.ptr, sizeof(bytes));
    return MHD_create_response_from_buffer(
        body.len, bytes, body.len > 0 ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT);
}

static struct http_response *make(const struct http_answer *answer, bool close_after,
                                  struct arena *arena)
{
    struct http_response *response = mem_zalloc(sizeof(*response));

    if (response == NULL)
        return NULL;
    response->users = 1;
    response->status = (unsigned)answer->status;
    response->mhd = new_response(answer->body);
    if (response->mhd != NULL && !add_headers(response->mhd, answer, close_after, arena)) {
        MHD_destroy_response(response->mhd);
        response->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        response->mhd = new_response(STR(""));
    }
    if (response->mhd != NULL)
        return response;
    mem_free(response);
    return NULL;
}

static bool can_share(const struct http_answer *answer)
{
    return answer->header_count == 0 && answer->body.len <= HTTP_RESPONSE_BODY_MAX &&
           answer->content_type != NULL && strlen(answer->content_type) < HTTP_RESPONSE_TYPE_SIZE;
}

static bool says(const struct http_response *response, const struct http_answer *answer)
{
    return response->status == (unsigned)answer->status &&
           strcmp(response->content_type, answer->content_type) == 0 &&
           str_eq(str_of(response->body, response->body_len), answer->body);
}

static void keep(struct http_response **last, struct http_response *response,
                 const struct http_answer *answer)
{
    (void)str_copy(str_from(answer->content_type), response->content_type,
                   sizeof(response->content_type));
    if (answer->body.len > 0)
        memcpy(response->body, answer->body.ptr, answer->body.len);
    response->body_len = answer->body.len;
    response->users++;
    http_response_release(*last);
    *last = response;
}

struct http_response *http_response_take(struct http_response **last,
                                         const struct http_answer *answer, bool close_after,
                                         struct arena *arena)
{
    const bool shared = !close_after && can_share(answer);
    struct http_response *response;

    if (shared && *last != NULL && says(*last, answer)) {
        (*last)->users++;
        return *last;
    }
    response = make(answer, close_after, arena);
    if (shared && response != NULL && response->status == (unsigned)answer->status)
        keep(last, response, answer);
    return response;
}

void http_response_release(struct http_response *response)
{
    if (response == NULL || --response->users > 0)
        return;
    MHD_destroy_response(response->mhd);
    mem_free(response);
}
