/* SPDX-License-Identifier: Apache-2.0 */
/* A line with a schema, then an instance: whatever compiles judges any instance, with texts that
 * are UTF-8 and a pointer that is one. */
#include "codec/schema.h"

#include "base/err.h"
#include "codec/utf8.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(schema_freep) struct schema *schema = NULL;
    AUTO(json_freep) struct json *instance = NULL;
    struct schema_fault fault;
    struct str schema_text;
    struct str instance_text;
    struct err err;

    if (!str_cut(str_of(data, size), '\n', &schema_text, &instance_text))
        return 0;
    if (schema_compile(schema_text, &schema, &err) != ST_OK)
        return 0;
    if (json_parse(instance_text, &instance, &err) != ST_OK)
        return 0;
    if (schema_check(schema, instance, &fault, &err) == ST_OK)
        return 0;
    assert(utf8_valid(str_from(fault.pointer)) && utf8_valid(str_from(fault.detail)));
    assert(fault.pointer[0] == '\0' || fault.pointer[0] == '/');
    assert(fault.detail[0] != '\0');
    return 0;
}
