/* SPDX-License-Identifier: Apache-2.0 */
/* A listening TCP socket from "host:port". */
#include "http/listen.h"

#include "base/num.h"
#include "base/str.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, ADDRESS_MAX = 256 };

struct address {
    char host[ADDRESS_MAX]; /* without brackets; empty = every address */
    char port[8];
};

static bool split(const char *text, struct address *out)
{
    const char *colon = strrchr(text, ':');
    struct str host;
    int64_t port;

    if (colon == NULL || !num_parse_i64(str_from(colon + 1), 0, 65535, &port))
        return false;
    host = str_of(text, (size_t)(colon - text));
    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        host = str_of(host.ptr + 1, host.len - 2);
    else if (host.len > 0 && memchr(host.ptr, ':', host.len) != NULL)
        return false;
    return str_copy(host, out->host, sizeof(out->host)) &&
           str_copy(str_from(colon + 1), out->port, sizeof(out->port));
}

static int bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = {0};

    socklen_t len = sizeof(name);

    if (getsockname(fd, &name.any, &len) != 0)
        return -1;
    return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

/* The listening descriptor, or -1 with errno set. */
static int listen_on(const struct addrinfo *at, bool reuse_port)
{
    const int on = 1;
    const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const int fd = socket(at->ai_family, type, 0);
    int why;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        (!reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
        bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    why = errno;
    (void)close(fd);
    errno = why;
    return -1;
}

enum status http_listen(const char *address, bool reuse_port, int *fd, int *port, struct err *err)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct address parts;
    char what[ADDRESS_MAX + 16];
    int bound;
    int rc;

    if (!split(address, &parts))
        return err_fatal(err, "http:listen", "%s: not an address like 127.0.0.1:8080", address);
    rc = getaddrinfo(parts.host[0] != '\0' ? parts.host : NULL, parts.port, &hints, &found);
    if (rc != 0)
        return err_fatal(err, "http:listen", "%s: %s", address, gai_strerror(rc));
    bound = listen_on(found, reuse_port);
    rc = errno;
    freeaddrinfo(found);
    (void)snprintf(what, sizeof(what), "listening on %s", address);
    if (bound < 0)
        return err_errno(err, ST_FATAL, rc, what);
    *port = bound_port(bound);
    *fd = bound;
    return ST_OK;
}
