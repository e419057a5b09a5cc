#include "emu_nccl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define ID_MAGIC 0x656d752d756e6971ull
#define CONFIG_MAGIC 0xcafebeef

struct hello {
  uint64_t cookie;
  int32_t rank, ranks;
  uint16_t port;
};

struct root {
  int listener;
  uint64_t cookie;
};

/* As NCCL's: a detached thread that waits for every rank, without limit. */
static void *run_root(void *argument) {
  struct root root = *(struct root *)argument;
  free(argument);
  int ranks = 0, here = 0, *sockets = NULL;
  uint16_t *ports = NULL;
  while (!ranks || here < ranks) {
    int s = accept_on(root.listener, NULL);
    if (s < 0) break;
    struct hello h;
    if (exchange(s, &h, sizeof h, 0, NULL) || h.cookie != root.cookie || h.ranks < 1 || h.rank < 0 ||
        h.rank >= h.ranks || (ranks && h.ranks != ranks)) {
      close(s);
      continue;
    }
    if (!ranks) {
      ranks = h.ranks;
      sockets = calloc((size_t)ranks, sizeof *sockets);
      ports = calloc((size_t)ranks, sizeof *ports);
    }
    if (ports[h.rank]) {
      close(s);
      continue;
    }
    sockets[h.rank] = s;
    ports[h.rank] = h.port;
    here++;
  }
  for (int i = 0; i < ranks; i++) {
    if (sockets[i] <= 0) continue;
    if (here == ranks) exchange(sockets[i], ports, (size_t)ranks * sizeof *ports, 1, NULL);
    close(sockets[i]);
  }
  free(sockets);
  free(ports);
  close(root.listener);
  return NULL;
}

EMU_API int ncclGetUniqueId(ncclUniqueId *out) {
  struct root *root = malloc(sizeof *root);
  struct id id = {.magic = ID_MAGIC};
  if (getrandom(&id.cookie, sizeof id.cookie, 0) != sizeof id.cookie || (root->listener = listen_on_any(&id.port)) < 0) {
    free(root);
    return say(ncclSystemError, "no socket for a unique id: %s", strerror(errno));
  }
  root->cookie = id.cookie;
  memset(out, 0, sizeof *out);
  memcpy(out, &id, sizeof id);
  pthread_t thread;
  if (pthread_create(&thread, NULL, run_root, root)) return ncclSystemError;
  pthread_detach(thread);
  return ncclSuccess;
}

static int meet_root(ncclComm_t c, uint16_t port, uint16_t *ports) {
  int s = dial(c->id.port, &c->aborted);
  if (s < 0) return s;
  struct hello h = {c->id.cookie, c->rank, c->ranks, port};
  int failed = exchange(s, &h, sizeof h, 1, &c->aborted);
  if (!failed) failed = exchange(s, ports, (size_t)c->ranks * sizeof *ports, 0, &c->aborted);
  close(s);
  return failed;
}

static int meet_peers(ncclComm_t c, const uint16_t *ports) {
  struct hello h = {c->id.cookie, c->rank, c->ranks, 0};
  for (int i = 0; i < c->ranks; i++) {
    if (i == c->rank) continue;
    if ((c->out[i].socket = dial(ports[i], &c->aborted)) < 0) return c->out[i].socket;
    h.rank = c->rank;
    int failed = exchange(c->out[i].socket, &h, sizeof h, 1, &c->aborted);
    if (failed) return failed;
  }
  for (int met = 0; met < c->ranks - 1;) {
    int s = accept_on(c->listener, &c->aborted);
    if (s < 0) return s;
    int failed = exchange(s, &h, sizeof h, 0, &c->aborted);
    if (failed || h.cookie != c->id.cookie || h.rank < 0 || h.rank >= c->ranks) {
      close(s);
      if (failed) return failed;
      continue;
    }
    c->in[h.rank].socket = s;
    met++;
  }
  return 0;
}

static void *run_connector(void *argument) {
  ncclComm_t c = argument;
  uint16_t port, *ports = calloc((size_t)c->ranks, sizeof *ports);
  int failed = (c->listener = listen_on_any(&port)) < 0 ? -1 : meet_root(c, port, ports);
  if (!failed) failed = meet_peers(c, ports);
  free(ports);
  if (failed == ABORTED)
    c->state = ncclInternalError;
  else
    c->state = failed ? say(ncclRemoteError, "rank %d of %d could not connect", c->rank, c->ranks) : ncclSuccess;
  return NULL;
}

static atomic_int last_max_ctas;

/* What the last communicator was limited to, as the binding's structure says; for tests. */
EMU_API int emuMaxCtas(void) { return last_max_ctas; }

EMU_API int ncclCommInitRankConfig(ncclComm_t *out, int ranks, ncclUniqueId unique, int rank, struct config *config) {
  int device;
  *out = NULL;
  if (cudaGetDevice(&device)) return say(ncclUnhandledCudaError, "no CUDA device");
  if (ranks < 1 || rank < 0 || rank >= ranks) return say(ncclInvalidArgument, "invalid rank %d of %d", rank, ranks);
  struct id id;
  memcpy(&id, &unique, sizeof id);
  if (id.magic != ID_MAGIC) return say(ncclInvalidArgument, "not a unique id");
  if (config->magic != CONFIG_MAGIC) return say(ncclInvalidArgument, "the configuration was not initialised");
  if (config->blocking) return say(ncclInvalidArgument, "the emulator connects without blocking only");
  if (config->max_ctas != INT_MIN && config->max_ctas <= 0) return say(ncclInvalidArgument, "maxCTAs is not positive");
  last_max_ctas = config->max_ctas;
  ncclComm_t c = calloc(1, sizeof *c);
  c->magic = COMM_MAGIC;
  c->rank = rank;
  c->ranks = ranks;
  c->id = id;
  c->listener = -1;
  c->state = ncclInProgress;
  c->out = calloc((size_t)ranks, sizeof *c->out);
  c->in = calloc((size_t)ranks, sizeof *c->in);
  for (int i = 0; i < ranks; i++) c->out[i].socket = c->in[i].socket = -1;
  pthread_mutex_init(&c->lock, NULL);
  pthread_cond_init(&c->changed, NULL);
  *out = c;
  if (pthread_create(&c->connector, NULL, run_connector, c)) return ncclSystemError;
  c->connecting = 1;
  return ncclInProgress;
}
