/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of network address a socket is about to be connected to. */
#pragma once

#include "base/str.h"

#include <stdbool.h>

struct sockaddr;

/* Reachable by everybody: none of what IANA's special-purpose registries set apart (private,
 * loopback, link-local, carrier NAT, documentation, benchmarks, multicast, unique-local, 6to4,
 * Teredo, ...). An IPv4 address inside an IPv6 one (mapped, NAT64) is judged as itself. Other
 * families are not public.
 * https://www.iana.org/assignments/iana-ipv4-special-registry
 * https://www.iana.org/assignments/iana-ipv6-special-registry */
bool http_address_is_public(const struct sockaddr *address);
/* Is it the one that literal names: four plain decimals ("127.0.0.1") or an IPv6 address, with or
 * without brackets? False for anything else. */
bool http_address_is(const struct sockaddr *address, struct str literal);
