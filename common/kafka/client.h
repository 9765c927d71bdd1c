/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's configuration: the [kafka] properties as they stand, then ours, every result
 * checked. */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "config/settings.h"

/* Dry run of every property and of our own over it; ST_FATAL "[kafka] NAME: ..." Used by
 * --check-config. Makes and drops clients, threads included: not for a process that will fork. */
MUST_CHECK enum status kafka_check(const struct settings_kafka *settings, struct err *err);

/* Connects anew and asks for metadata. ST_RETRY: no broker answered within the deadline. */
MUST_CHECK enum status kafka_ping(const struct settings_kafka *settings, struct deadline until,
                                  struct err *err);
