/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target defines; libFuzzer declares it nowhere. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
