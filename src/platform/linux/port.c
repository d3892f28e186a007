#include "platform/linux/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

int nh_linux__err(int errnum)
{
    switch (errnum < 0 ? -errnum : errnum) {
    case 0:
        return NH_OK;
    case ENOMEM:
    case ENOBUFS:
        return NH_ERR_NOMEM;
    case EMFILE:
    case ENFILE:
        return NH_ERR_FULL;
    case EAGAIN:
    case EINTR:
        return NH_ERR_AGAIN;
    case EINVAL:
    case EBADF:
    case ENOTDIR:
    case EISDIR:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return NH_ERR_INVAL;
    case ENAMETOOLONG:
    case EMSGSIZE:
        return NH_ERR_TOO_LONG;
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return NH_ERR_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return NH_ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return NH_ERR_NOSPC;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case EXDEV:
        return NH_ERR_DENIED;
    case EADDRINUSE:
    case EBUSY:
        return NH_ERR_BUSY;
    case ETIMEDOUT:
        return NH_ERR_TIMEOUT;
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
    case ECONNABORTED:
        return NH_ERR_CLOSED;
    case ENOSYS:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
        return NH_ERR_UNSUPPORTED;
    default:
        return NH_ERR_IO;
    }
}

struct timespec nh_linux__until(uint64_t timeout_ms)
{
    const uint64_t far_ms = 100ull * 365 * 24 * 3600 * 1000; // NH_NEVER must not overflow time_t
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (timeout_ms > far_ms)
        timeout_ms = far_ms;
    t.tv_sec += (time_t)(timeout_ms / 1000);
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

int nh_linux__address(const char *text, uint16_t port, struct sockaddr_storage *out, unsigned *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof *v4;
        return NH_OK;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof *v6;
        return NH_OK;
    }
    return NH_ERR_INVAL;
}

bool nh_linux__is_loopback(const struct sockaddr_storage *sa)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
    if (sa->ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return sa->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

void nh_linux__address_text(const struct sockaddr_storage *sa, char *text, size_t cap)
{
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
    // A client of IPv4 at a listener of both.
    bool is_mapped = sa->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
    if (is_mapped && inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, host, sizeof host))
        snprintf(text, cap, "%s:%u", host, ntohs(v6->sin6_port));
    else if (sa->ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host))
        snprintf(text, cap, "%s:%u", host, ntohs(v4->sin_port));
    else if (sa->ss_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host))
        snprintf(text, cap, "[%s]:%u", host, ntohs(v6->sin6_port));
    else
        snprintf(text, cap, "?");
}

void nh_linux__cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}
