/* SPDX-License-Identifier: Apache-2.0 */
#include "who.h"

#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

enum { PASSWD_SIZE = 1024 };

void who_am_i(char user[USER_SIZE])
{
    char memory[PASSWD_SIZE];
    struct passwd entry;
    struct passwd *found = NULL;

    if (getpwuid_r(getuid(), &entry, memory, sizeof(memory), &found) != 0)
        found = NULL;
    (void)snprintf(user, USER_SIZE, "%.63s", found ? found->pw_name : "?");
}
