/* SPDX-License-Identifier: Apache-2.0 */
#include "check_finding.h"

#include <stdarg.h>
#include <stdio.h>

void check_find(const struct check_findings *findings, enum check_state state, const char *fmt, ...)
{
    char text[FINDING_SIZE];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    findings->tell(findings->arg, state, text);
}
