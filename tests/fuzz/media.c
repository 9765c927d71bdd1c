/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file, and as the name somebody gives it. */
#include "commands/media_format.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str input = str_of(data, size);
    const struct media_format *format = media_format_of(input);
    char name[MEDIA_FILENAME_SIZE];

    if (format == NULL)
        format = media_format_of(STR("GIF89a"));
    media_filename(input, format, name);
    assert(strlen(name) > strlen(format->extension));
    assert(str_ends(str_from(name), str_from(format->extension)));
    assert(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
           strlen(name));
    return 0;
}
