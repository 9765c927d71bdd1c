/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas that came with the program, compiled on demand and kept until it ends. */
#include "model/validate.h"

#include "model/schemas.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

enum { SCHEMAS_MAX = 64 };

static size_t index_of(const char *schema_id)
{
    size_t i = 0;

    while (i < MESSAGE_SCHEMA_COUNT && strcmp(MESSAGE_SCHEMAS[i].id, schema_id) != 0)
        i++;
    assert(i < MESSAGE_SCHEMA_COUNT && i < SCHEMAS_MAX);
    return i;
}

/* NULL: no memory; the next one who asks tries again. */
static const struct schema *compiled(size_t index)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct schema *schemas[SCHEMAS_MAX]; /* under lock */
    const struct schema *found;
    struct err err;

    (void)pthread_mutex_lock(&lock);
    /* That each of them compiles is a unit test's business. */
    if (schemas[index] == NULL &&
        schema_compile(MESSAGE_SCHEMAS[index].text, &schemas[index], &err) != ST_OK)
        schemas[index] = NULL;
    found = schemas[index];
    (void)pthread_mutex_unlock(&lock);
    return found;
}

enum status record_check(const char *schema_id, const struct json *value,
                         struct schema_fault *fault, struct err *err)
{
    const struct schema *schema = compiled(index_of(schema_id));

    if (schema == NULL)
        return err_retry(err, "memory", "no memory for %s", schema_id);
    return schema_check(schema, value, fault, err);
}

enum status record_validate(const char *schema_id, const struct json *value, struct err *err)
{
    return record_check(schema_id, value, NULL, err);
}
