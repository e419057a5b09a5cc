#define _GNU_SOURCE
#include "emu_nccl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIAL_TRIES 100
#define DIAL_PAUSE_US 20000
#define POLL_MS 20

int wait_for(int socket, short events, atomic_int *aborted) {
  for (;;) {
    if (aborted && *aborted) return ABORTED;
    struct pollfd p = {socket, events, 0};
    int ready = poll(&p, 1, POLL_MS);
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return -1;
  }
}

int exchange(int socket, void *bytes, size_t size, int writes, atomic_int *aborted) {
  char *at = bytes;
  while (size) {
    ssize_t moved = writes ? send(socket, at, size, MSG_NOSIGNAL) : recv(socket, at, size, 0);
    if (moved > 0) {
      at += moved;
      size -= (size_t)moved;
      continue;
    }
    if (moved == 0 || (errno != EAGAIN && errno != EINTR)) return -1;
    int failed = wait_for(socket, writes ? POLLOUT : POLLIN, aborted);
    if (failed) return failed;
  }
  return 0;
}

static void tune(int socket) {
  int one = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(socket, F_SETFL, O_NONBLOCK);
}

static struct sockaddr_in loopback(uint16_t port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int listen_on_any(uint16_t *port) {
  int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (s < 0) return -1;
  if (bind(s, (void *)&address, size) || listen(s, 64) || getsockname(s, (void *)&address, &size)) {
    close(s);
    return -1;
  }
  *port = ntohs(address.sin_port);
  return s;
}

int dial(uint16_t port, atomic_int *aborted) {
  struct sockaddr_in address = loopback(port);
  for (int i = 0; i < DIAL_TRIES; i++) {
    if (*aborted) return ABORTED;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0) return -1;
    if (!connect(s, (void *)&address, sizeof address)) {
      tune(s);
      return s;
    }
    close(s);
    usleep(DIAL_PAUSE_US);
  }
  return -1;
}

int accept_on(int listener, atomic_int *aborted) {
  int failed = wait_for(listener, POLLIN, aborted);
  if (failed) return failed;
  int s = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (s >= 0) tune(s);
  return s;
}
