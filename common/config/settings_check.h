/* SPDX-License-Identifier: Apache-2.0 */
/* What no key can say alone. For settings_load.c. */
#pragma once

#include "config/given.h"
#include "config/settings.h"

/* Every [account NAME] and [command NAME] has the keys it must have, an appid is set up once, a key
 * that needs another has it, no retry begins above its own ceiling, and nobody declares a call that
 * kabao cannot ask about. Whatever is wrong is refused, at the place that gave it; values that were
 * refused already are left to their refusal. push_mode is as read. */
void settings_check(const struct settings *s, struct given *given);
