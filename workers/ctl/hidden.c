/* SPDX-License-Identifier: Apache-2.0 */
#include "hidden.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

bool line_read(char *out, size_t size)
{
    size_t len;

    if (!fgets(out, (int)size, stdin))
        return false;
    len = strlen(out);
    if (len > 0 && out[len - 1] == '\n') {
        out[len - 1] = '\0';
        return true;
    }
    while (len > 0 && !feof(stdin) && fgetc(stdin) != '\n')
        ;
    return feof(stdin) != 0 && len + 1 < size;
}

static void fill(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGHUP);
    (void)sigaddset(set, SIGQUIT);
    (void)sigaddset(set, SIGTSTP);
}

/* The signals stay pending while they are blocked, and do their work once the echo is back. */
static bool wait_for_line(const sigset_t *signals)
{
    int fd = signalfd(-1, signals, SFD_CLOEXEC);
    struct pollfd ready[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    bool line;

    if (fd < 0)
        return true;
    while (poll(ready, 2, -1) < 0 && errno == EINTR)
        ;
    line = (ready[1].revents & POLLIN) == 0;
    (void)close(fd);
    return line;
}

bool hidden_read(char *out, size_t size)
{
    struct termios shown;
    struct termios hidden;
    sigset_t signals;
    bool good;

    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return line_read(out, size);
    fill(&signals);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden);
    good = wait_for_line(&signals) && line_read(out, size);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &shown);
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    (void)fputc('\n', stderr);
    return good;
}
