/* SPDX-License-Identifier: Apache-2.0 */
/* A settings file of any bytes is loaded or refused with a reason; what was loaded prints as a file
 * that loads to the same. */
#include "config/settings.h"

#include "tests/fuzz/fuzz.h"
#include "tests/unit/config/file.h"

#include <stdlib.h>

enum { OUTPUT_MAX = 4 << 20 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct settings *load(const void *bytes, size_t len)
{
    AUTO(buf_done) struct buf report = BUF_INIT(OUTPUT_MAX);
    struct file file = file_of(bytes, len);
    struct settings *s = NULL;
    struct err err = {0};
    const enum status rc = settings_load(file.path, NULL, &s, &report, NULL, &err);

    require(rc == ST_OK ? s != NULL && report.len == 0 : s == NULL && err.text[0] != '\0');
    file_done(&file);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf_done) struct buf printed = BUF_INIT(OUTPUT_MAX);
    AUTO(buf_done) struct buf again = BUF_INIT(OUTPUT_MAX);
    AUTO(settings_freep) struct settings *first = load(data, size);
    AUTO(settings_freep) struct settings *second = NULL;

    if (first == NULL)
        return 0;
    settings_print(first, &printed);
    second = load(printed.ptr, printed.len);
    require(second != NULL);
    settings_print(second, &again);
    require(str_eq(buf_str(&printed), buf_str(&again)));
    return 0;
}
