/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as lower-case hexadecimal. */
#include "base/hex.h"

void hex_format(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 0x0F];
    }
    out[2 * len] = '\0';
}

static bool digit_parse(char c, uint8_t *value)
{
    if (c >= '0' && c <= '9')
        *value = (uint8_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *value = (uint8_t)(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
        *value = (uint8_t)(c - 'A' + 10);
    else
        return false;
    return true;
}

bool hex_parse(struct str text, uint8_t *out, size_t len)
{
    uint8_t high;
    uint8_t low;

    if (text.len / 2 != len || text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!digit_parse(text.ptr[i], &low))
            return false;
    for (size_t i = 0; i < len; i++)
        if (digit_parse(text.ptr[2 * i], &high) && digit_parse(text.ptr[2 * i + 1], &low))
            out[i] = (uint8_t)(high << 4 | low);
    return true;
}
