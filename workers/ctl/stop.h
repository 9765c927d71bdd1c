/* SPDX-License-Identifier: Apache-2.0 */
/* SIGINT and SIGTERM where a run is to end between two steps and not within one. */
#pragma once

#include <stdbool.h>

/* Threads that are started from here on leave the signals to stop_asked. */
void stop_hold(void);
/* After the first signal, a second one ends the program at once. */
bool stop_asked(void);
