/* What the parts of the emulated NCCL share: sockets in emu_socket.c, meeting in emu_connect.c, bytes in emu_transfer.c. */
#ifndef EMU_NCCL_H
#define EMU_NCCL_H

#include "emu.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
  ncclSuccess,
  ncclUnhandledCudaError,
  ncclSystemError,
  ncclInternalError,
  ncclInvalidArgument,
  ncclInvalidUsage,
  ncclRemoteError,
  ncclInProgress
};

#define ABORTED -2
#define COMM_MAGIC 0x656d752d636f6d6dull

typedef struct {
  char internal[128];
} ncclUniqueId;

/* What every ncclConfig_t begins with. */
struct config {
  size_t size;
  unsigned magic, version;
  int blocking, cga_cluster_size, min_ctas, max_ctas;
};

/* What our unique ids hold. */
struct id {
  uint64_t magic, cookie;
  uint16_t port;
};

/* One direction to one peer: a socket, and how many transfers were begun and have ended on it. */
struct lane {
  int socket;
  uint64_t begun, done;
};

typedef struct ncclComm {
  uint64_t magic;
  int rank, ranks, blocking, listener, connecting;
  struct id id;
  struct lane *out, *in;
  atomic_int aborted, state;
  atomic_llong busy_until;
  pthread_t connector;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int tasks;
} *ncclComm_t;

/* Remembers what a person may ask for with ncclGetLastError, and returns the code. */
int say(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
long long now_us(void);
int setting(const char *name, int otherwise);

/* OK, or why a handle cannot be used: at all, or for a new call. */
int check(ncclComm_t c);
int is_usable(ncclComm_t c);

/* Sockets. Every wait looks at the abort flag, if there is one, and then returns ABORTED; other failures are -1. */
int wait_for(int socket, short events, atomic_int *aborted);
int exchange(int socket, void *bytes, size_t size, int writes, atomic_int *aborted);
int listen_on_any(uint16_t *port);
int dial(uint16_t port, atomic_int *aborted);
int accept_on(int listener, atomic_int *aborted);

#endif
