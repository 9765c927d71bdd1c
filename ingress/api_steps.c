/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas that came with the program are compiled when first asked for and kept until it ends.
 */
#include "api_steps.h"

#include "codec/schema.h"
#include "http_schemas.h"
#include "tickets.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

enum { SCHEMAS_MAX = 16, TICKET_AGAIN_S = 5 };

/* NULL: no memory; the next one who asks tries again. */
static const struct schema *compiled(const char *schema_id)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct schema *schemas[SCHEMAS_MAX]; /* under lock */
    const struct schema *found;
    struct err err;
    size_t i = 0;

    while (i < HTTP_SCHEMA_COUNT && strcmp(HTTP_SCHEMAS[i].id, schema_id) != 0)
        i++;
    assert(i < HTTP_SCHEMA_COUNT && i < SCHEMAS_MAX);
    (void)pthread_mutex_lock(&lock);
    if (schemas[i] == NULL && schema_compile(HTTP_SCHEMAS[i].text, &schemas[i], &err) != ST_OK)
        schemas[i] = NULL;
    found = schemas[i];
    (void)pthread_mutex_unlock(&lock);
    return found;
}

bool api_fits(struct api_request *r, const char *schema_id)
{
    const struct schema *schema = compiled(schema_id);
    struct schema_fault fault = {0};
    struct err err = {0};

    if (!schema) {
        api_problem(r, &(struct problem){.kind = PROBLEM_MEMORY});
        return false;
    }
    if (schema_check(schema, r->body, &fault, &err) == ST_OK)
        return true;
    api_problem(r, &(struct problem){.kind = PROBLEM_SCHEMA,
                                     .pointer = str_from(fault.pointer),
                                     .fault = str_from(fault.detail)});
    return false;
}

bool api_has_tickets(struct api_request *r)
{
    if (r->gate->shared->api->tickets)
        return true;
    api_problem(r, &(struct problem){
                       .kind = PROBLEM_NO_KEY,
                       .detail = STR("[token] seal_key_file is not set for kabao-ingress, or it "
                                     "cannot be read; its log says which"),
                   });
    return false;
}

static struct str missing_text(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_ACCESS: return STR("no access token that is valid; is kabao-token running?");
    case TOKEN_JSAPI: return STR("no jsapi ticket that is valid; is kabao-token running?");
    case TOKEN_WX_CARD: return STR("no wx_card ticket that is valid; is kabao-token running?");
    }
    return STR("");
}

bool api_ticket(struct api_request *r, enum token_kind kind, struct token_entry *out)
{
    if (!api_has_tickets(r))
        return false;
    if (tickets_get(r->gate->shared->api->tickets, r->account, kind, out))
        return true;
    api_problem(r, &(struct problem){.kind = PROBLEM_NO_TOKEN,
                                     .detail = missing_text(kind),
                                     .retry_after_s = TICKET_AGAIN_S});
    return false;
}
