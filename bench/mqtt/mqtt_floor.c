// mqtt_floor - no broker: answers every CONNECT with the same CONNACK and
// closes when the client does.
//
// It has the system calls that nobody can do without and no work of its own, so it shows how many
// connections the machine's TCP allows. A broker cannot be much faster.

#include "load.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_BYTES 256
#define BACKLOG 1024
#define ACCEPT_MAX_COUNT 64

static int epoll_fd, listen_fd;

static void watch(int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
        load_die("epoll_ctl");
}

static void take_in(void)
{
    for (int i = 0; i < ACCEPT_MAX_COUNT; i++) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    }
}

static void answer(int fd)
{
    static const uint8_t connack[] = {0x20, 2, 0, 0};
    uint8_t in[IN_BYTES];
    ssize_t n = recv(fd, in, sizeof in, 0);
    if (n > 0 && in[0] == 0x10)
        (void)!send(fd, connack, sizeof connack, MSG_NOSIGNAL);
    else
        close(fd);
}

static int open_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listen_fd, BACKLOG) != 0 ||
        getsockname(listen_fd, (struct sockaddr *)&at, &len) != 0)
        load_die("listen");
    return ntohs(at.sin_port);
}

// Prints its port, and serves until it is ended.
int main(void)
{
    struct epoll_event events[256];
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    printf("%d\n", open_port());
    fflush(stdout);
    watch(listen_fd, EPOLLIN);
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listen_fd)
                take_in();
            else
                answer(events[i].data.fd);
        }
    }
}
