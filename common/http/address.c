/* SPDX-License-Identifier: Apache-2.0 */
/* The ranges as rows. */
#include "http/address.h"

#include "base/attr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { V4_LEN = 4, V6_LEN = 16 };

/* A range: the first bits of an address. */
struct range {
    uint8_t bytes[V6_LEN];
    unsigned bits;
};

static const struct range not_public_v4[] = {
    {{0}, 8},            /* this network */
    {{10}, 8},           /* private */
    {{100, 64}, 10},     /* carrier NAT */
    {{127}, 8},          /* loopback */
    {{169, 254}, 16},    /* link-local; metadata of clouds */
    {{172, 16}, 12},     /* private */
    {{192, 0, 0}, 24},   /* protocol assignments */
    {{192, 0, 2}, 24},   /* documentation */
    {{192, 88, 99}, 24}, /* 6to4 relays */
    {{192, 168}, 16},    /* private */
    {{198, 18}, 15},     /* benchmarks */
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24}, /* documentation, both */
    {{224}, 4},          /* multicast */
    {{240}, 4},          /* reserved, broadcast */
};

/* Outside of this nothing is global unicast. */
static const struct range global_v6 = {{0x20}, 3};

static const struct range not_public_v6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4: retired, and whose relay it is nobody knows */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};

/* An IPv4 address stands in the last 32 bits. */
static const struct range with_v4[] = {
    {{[10] = 0xff, [11] = 0xff}, 96},       /* mapped */
    {{0x00, 0x64, 0xff, 0x9b, [4] = 0}, 96} /* NAT64 */
};

static bool is_in(const uint8_t *address, const struct range *range)
{
    const size_t whole = range->bits / 8;
    const unsigned rest = range->bits % 8;

    if (memcmp(address, range->bytes, whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ range->bytes[whole]) >> (8 - rest) == 0;
}

static bool is_in_any(const uint8_t *address, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_in(address, &ranges[i]))
            return true;
    return false;
}

static bool is_public_v4(const uint8_t *address)
{
    return !is_in_any(address, not_public_v4, COUNT_OF(not_public_v4));
}

static bool is_public_v6(const uint8_t *address)
{
    if (is_in_any(address, with_v4, COUNT_OF(with_v4)))
        return is_public_v4(address + V6_LEN - V4_LEN);
    return is_in(address, &global_v6) &&
           !is_in_any(address, not_public_v6, COUNT_OF(not_public_v6));
}

/* The bytes of an address, or 0 of a family that is neither. Copied: a sockaddr may lie anywhere.
 */
static size_t bytes_of(const struct sockaddr *address, uint8_t out[V6_LEN])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        memcpy(out, &v4.sin_addr, V4_LEN);
        return V4_LEN;
    }
    if (address->sa_family != AF_INET6)
        return 0;
    memcpy(&v6, address, sizeof(v6));
    memcpy(out, &v6.sin6_addr, V6_LEN);
    return V6_LEN;
}

bool http_address_is_public(const struct sockaddr *address)
{
    uint8_t bytes[V6_LEN];
    const size_t len = bytes_of(address, bytes);

    if (len == V4_LEN)
        return is_public_v4(bytes);
    return len == V6_LEN && is_public_v6(bytes);
}

bool http_address_is(const struct sockaddr *address, struct str literal)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[V6_LEN];
    uint8_t named[V6_LEN];
    const size_t len = bytes_of(address, bytes);

    if (literal.len > 2 && str_starts(literal, STR("[")) && str_ends(literal, STR("]")))
        literal = str_of(literal.ptr + 1, literal.len - 2);
    if (len == 0 || str_is_empty(literal) || memchr(literal.ptr, '\0', literal.len) != NULL ||
        !str_copy(literal, text, sizeof(text)))
        return false;
    return inet_pton(address->sa_family, text, named) == 1 && memcmp(bytes, named, len) == 0;
}
