/* SPDX-License-Identifier: Apache-2.0 */
#include "stop.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

static void fill(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
}

void stop_hold(void)
{
    sigset_t set;

    fill(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool stop_asked(void)
{
    const struct timespec at_once = {0};
    sigset_t set;

    fill(&set);
    if (sigtimedwait(&set, NULL, &at_once) < 0)
        return false;
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return true;
}
