/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the broker answers, asked every two seconds on a thread of its own, so that /readyz never
 * waits and pushes are not used as the probe. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"

#include <stdbool.h>

struct probe;
/* kafka and topic are borrowed for the probe's life. */
MUST_CHECK enum status probe_open(const struct settings_kafka *kafka, const char *topic,
                                  struct probe **out, struct err *err);
void probe_close(struct probe *p); /* NULL is fine */
bool probe_answers(const struct probe *p);
