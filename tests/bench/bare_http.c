/* SPDX-License-Identifier: Apache-2.0 */
/* The reference of the ingress benchmark: libmicrohttpd in the ingress's mode (external epoll, one
 * thread) that reads the body and answers 200 "ok" at once. Prints its port; ends with SIGTERM. */
#include <microhttpd.h>

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

/* NOLINTNEXTLINE(readability-function-size): the parameters are the library's. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *part,
                                 size_t *part_len, void **request)
{
    (void)url;
    (void)method;
    (void)version;
    (void)part;
    if (*request == NULL) {
        *request = cls;
        return MHD_YES;
    }
    if (*part_len > 0) {
        *part_len = 0;
        return MHD_YES;
    }
    return MHD_queue_response(mhd, MHD_HTTP_OK, cls);
}

static struct MHD_Daemon *start(struct MHD_Response *answer)
{
    struct sockaddr_in at = {.sin_family = AF_INET};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_access, answer, MHD_OPTION_SOCK_ADDR,
                            (struct sockaddr *)&at, MHD_OPTION_CONNECTION_LIMIT, 4096U,
                            MHD_OPTION_END);
}

static int timeout_of(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG left_ms;

    if (MHD_get_timeout(daemon, &left_ms) != MHD_YES)
        return -1;
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

static void serve(struct MHD_Daemon *daemon)
{
    const int library_fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};

    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, library_fd, &event) != 0)
        return;
    for (;;) {
        (void)MHD_run(daemon);
        (void)epoll_wait(epoll_fd, &event, 1, timeout_of(daemon));
    }
}

int main(void)
{
    static char ok[] = "ok";
    struct MHD_Response *answer =
        MHD_create_response_from_buffer(strlen(ok), ok, MHD_RESPMEM_PERSISTENT);
    struct MHD_Daemon *daemon = answer != NULL ? start(answer) : NULL;

    if (daemon == NULL) {
        (void)fputs("bare_http: no server\n", stderr);
        return 1;
    }
    (void)printf("%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    (void)fflush(stdout);
    serve(daemon);
    return 1;
}
