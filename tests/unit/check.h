/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers that it needs before itself; the formatter would sort them behind it. */
#pragma once

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */
