#define _GNU_SOURCE
#include "emu.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

#define ID_MAGIC 0x656d752d756e6971ull
#define COMM_MAGIC 0x656d752d636f6d6dull
#define HEADER_MAGIC 0x656d752d68647221ull
#define CONFIG_MAGIC 0xcafebeef
#define DIAL_TRIES 100
#define DIAL_PAUSE_US 20000
#define POLL_MS 20
#define MAX_POLLED 64

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

/* ---- what tests can make happen, by a call into this library ------------------------------------------------------- */

static atomic_int frozen, failing, corrupting, silent, idle_bytes;

EMU_API void emuFreeze(int on) { frozen = on; }      /* no bytes move */
EMU_API void emuFail(int on) { failing = on; }       /* every group that begins fails */
EMU_API void emuCorrupt(int on) { corrupting = on; } /* the first byte that arrives is another */
EMU_API void emuSilent(int on) { silent = on; }      /* the death of a peer shows nowhere, as behind P2P and SHM */
EMU_API void emuNoBytes(int on) { idle_bytes = on; } /* transfers end at once and move nothing: for benchmarks */

/* ---- errors and time ----------------------------------------------------------------------------------------------- */

static pthread_mutex_t error_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_error[512] = "";

static int say(int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  pthread_mutex_lock(&error_lock);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  pthread_mutex_unlock(&error_lock);
  va_end(arguments);
  return code;
}

static long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static int setting(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text && *text ? atoi(text) : otherwise;
}

/* ---- sockets: every wait looks at the abort flag ------------------------------------------------------------------- */

#define ABORTED -2

static int wait_for(int socket, short events, atomic_int *aborted) {
  for (;;) {
    if (aborted && *aborted) return ABORTED;
    struct pollfd p = {socket, events, 0};
    int ready = poll(&p, 1, POLL_MS);
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return -1;
  }
}

static int exchange(int socket, void *bytes, size_t size, int writes, atomic_int *aborted) {
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

static int listen_on_any(uint16_t *port) {
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

static int dial(uint16_t port, atomic_int *aborted) {
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

static int accept_on(int listener, atomic_int *aborted) {
  int failed = wait_for(listener, POLLIN, aborted);
  if (failed) return failed;
  int s = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (s >= 0) tune(s);
  return s;
}

/* ---- how ranks find each other --------------------------------------------------------------------------------------- */

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

/* ---- transfers: a group is one piece of work on its stream ----------------------------------------------------------- */

enum stage { GRANT, HEADER, DATA, OVER };

struct transfer {
  ncclComm_t comm;
  cudaStream_t stream;
  int sends, peer;
  enum stage stage;
  char *bytes;
  const void *address;
  size_t size, at;
  uint64_t turn, header[2];
  size_t header_at;
  struct transfer *next;
};

static __thread int depth, group_error;
static __thread struct transfer *group, **group_end;

static int check(ncclComm_t c) {
  if (!c || c->magic != COMM_MAGIC) return say(ncclInvalidArgument, "the communicator is null or was aborted");
  return ncclSuccess;
}

static int is_usable(ncclComm_t c) {
  int failed = check(c);
  if (failed) return failed;
  if (c->state == ncclInProgress || now_us() < c->busy_until)
    return say(ncclInvalidArgument, "the communicator is used before its last call has succeeded");
  return c->state;
}

static struct lane *lane_of(struct transfer *t) { return t->sends ? &t->comm->out[t->peer] : &t->comm->in[t->peer]; }

/* A send moves nothing before the receiver has granted it: so a receive that is never posted is a send that never ends. */
static int writes_now(const struct transfer *t) { return t->sends ? t->stage != GRANT : t->stage == GRANT; }

/* Returns 1 when it is over, 0 when it would block, less when the peer is gone or disagrees. */
static int advance(struct transfer *t) {
  struct lane *lane = lane_of(t);
  if (lane->done != t->turn) return 0;
  for (;;) {
    int writes = writes_now(t), is_data = t->stage == DATA;
    if (!is_data && writes && t->header_at == 0) {
      t->header[0] = HEADER_MAGIC ^ t->turn;
      t->header[1] = t->size;
    }
    char *bytes = is_data ? t->bytes : (char *)t->header;
    size_t size = is_data ? t->size : sizeof t->header, *at = is_data ? &t->at : &t->header_at;
    while (*at < size) {
      ssize_t moved = writes ? send(lane->socket, bytes + *at, size - *at, MSG_NOSIGNAL)
                             : recv(lane->socket, bytes + *at, size - *at, 0);
      if (moved > 0) {
        *at += (size_t)moved;
      } else if (moved < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
      } else {
        return -1;
      }
    }
    if (is_data) {
      if (!t->sends && corrupting && t->size) t->bytes[0] = (char)~t->bytes[0];
      lane->done++;
      return 1;
    }
    if (!writes && (t->header[0] != (HEADER_MAGIC ^ t->turn) || t->header[1] != t->size)) {
      say(0, "%zu bytes here, %zu at rank %d", t->size, (size_t)t->header[1], t->peer);
      return -2;
    }
    t->header_at = 0;
    t->stage++;
  }
}

struct task {
  ncclComm_t comm;
  struct transfer *transfers;
  int fails;
};

static void copy_to_self(struct task *task) {
  for (struct transfer *s = task->transfers; s; s = s->next) {
    if (s->peer != s->comm->rank || !s->sends) continue;
    for (struct transfer *r = task->transfers; r; r = r->next)
      if (r->peer == s->comm->rank && !r->sends && r->turn == s->turn)
        memmove(r->bytes, s->bytes, s->size < r->size ? s->size : r->size);
  }
  for (struct transfer *t = task->transfers; t; t = t->next)
    if (t->peer == t->comm->rank) t->stage = OVER;
}

/* Goes over the transfers once; returns how many are left, or less than 0 when one has failed. */
static int advance_all(struct task *task, struct pollfd *polled, int *count, int *moved) {
  int left = 0;
  *count = *moved = 0;
  for (struct transfer *t = task->transfers; t; t = t->next) {
    if (t->stage == OVER) continue;
    int result = advance(t);
    if (result < 0) {
      if (!silent) task->comm->state = result == -1 ? ncclRemoteError : ncclInvalidUsage;
      return -1;
    }
    if (result == 1) {
      t->stage = OVER;
      *moved = 1;
      continue;
    }
    left++;
    struct lane *lane = lane_of(t);
    if (lane->done == t->turn && *count < MAX_POLLED)
      polled[(*count)++] = (struct pollfd){lane->socket, writes_now(t) ? POLLOUT : POLLIN, 0};
  }
  return left;
}

static void run_task(void *argument) {
  struct task *task = argument;
  ncclComm_t c = task->comm;
  copy_to_self(task);
  if (task->fails) c->state = say(ncclSystemError, "the test asked for a failure");
  int left = idle_bytes ? 0 : 1;
  while (left && !c->aborted) {
    struct pollfd polled[MAX_POLLED];
    int count = 0, moved = 0;
    if (frozen || task->fails || left < 0) {
      usleep(1000); /* as on a GPU: what has failed does not end by itself, it must be aborted */
      continue;
    }
    left = advance_all(task, polled, &count, &moved);
    if (left > 0 && !moved) poll(polled, (nfds_t)count, 2);
  }
  while (task->transfers) {
    struct transfer *t = task->transfers;
    task->transfers = t->next;
    emuPin(t->address, -1);
    free(t);
  }
  pthread_mutex_lock(&c->lock);
  c->tasks--;
  pthread_cond_broadcast(&c->changed);
  pthread_mutex_unlock(&c->lock);
  free(task);
}

static void drop_group(void) {
  while (group) {
    struct transfer *t = group;
    group = t->next;
    emuPin(t->address, -1);
    free(t);
  }
}

static int matches_itself(void) {
  int balance = 0;
  for (struct transfer *t = group; t; t = t->next)
    if (t->peer == t->comm->rank) balance += t->sends ? 1 : -1;
  return balance == 0;
}

/* Starts what was collected; all of it is of one communicator and one stream. */
static int start_group(void) {
  if (!group) return ncclSuccess;
  if (!matches_itself()) {
    drop_group();
    return say(ncclInvalidUsage, "a send to self without its receive, or the other way round");
  }
  struct task *task = calloc(1, sizeof *task);
  ncclComm_t c = group->comm;
  task->comm = c;
  task->transfers = group;
  task->fails = failing;
  cudaStream_t stream = group->stream;
  group = NULL;
  pthread_mutex_lock(&c->lock);
  for (struct transfer *t = task->transfers; t; t = t->next) t->turn = lane_of(t)->begun++;
  c->tasks++;
  pthread_mutex_unlock(&c->lock);
  c->busy_until = now_us() + setting("EMU_NCCL_BUSY_US", 50);
  if (cudaLaunchHostFunc(stream, run_task, task)) return say(ncclUnhandledCudaError, "no such stream");
  return ncclInProgress;
}

EMU_API int ncclGroupStart(void) {
  if (!depth++) {
    group_error = 0;
    group = NULL;
    group_end = &group;
  }
  return ncclSuccess;
}

EMU_API int ncclGroupEnd(void) {
  if (!depth) return say(ncclInvalidUsage, "not in a group");
  if (--depth) return ncclSuccess;
  if (group_error) {
    drop_group();
    return group_error;
  }
  return start_group();
}

static int add(int sends, const void *address, size_t count, int type, int peer, ncclComm_t c, cudaStream_t stream) {
  void *bytes = NULL;
  int failed = is_usable(c);
  if (!failed && !depth) failed = say(ncclInvalidUsage, "the emulator wants sends and receives in groups");
  if (!failed && type > 1) failed = say(ncclInvalidArgument, "the emulator moves bytes, not type %d", type);
  if (!failed && (peer < 0 || peer >= c->ranks)) failed = say(ncclInvalidArgument, "no rank %d of %d", peer, c->ranks);
  if (!failed && group && (group->comm != c || group->stream != stream))
    failed = say(ncclInvalidUsage, "the emulator wants one communicator and one stream in a group");
  if (!failed && emuTranslate(address, count, &bytes) != EMU_DEVICE)
    failed = say(ncclInvalidArgument, "%p +%zu is not device memory", address, count);
  if (failed) {
    group_error = failed;
    return failed;
  }
  struct transfer *t = calloc(1, sizeof *t);
  *t = (struct transfer){.comm = c,
                         .stream = stream,
                         .sends = sends,
                         .peer = peer,
                         .bytes = bytes,
                         .address = address,
                         .size = count};
  emuPin(address, 1);
  *group_end = t;
  group_end = &t->next;
  return ncclSuccess;
}

EMU_API int ncclSend(const void *address, size_t count, int type, int peer, ncclComm_t c, cudaStream_t stream) {
  return add(1, address, count, type, peer, c, stream);
}

EMU_API int ncclRecv(void *address, size_t count, int type, int peer, ncclComm_t c, cudaStream_t stream) {
  return add(0, address, count, type, peer, c, stream);
}

/* ---- the end, and what else there is ---------------------------------------------------------------------------------- */

EMU_API int ncclCommAbort(ncclComm_t c) {
  int failed = check(c);
  if (failed) return failed;
  c->aborted = 1;
  if (c->connecting) pthread_join(c->connector, NULL);
  pthread_mutex_lock(&c->lock);
  while (c->tasks) pthread_cond_wait(&c->changed, &c->lock);
  pthread_mutex_unlock(&c->lock);
  for (int i = 0; i < c->ranks; i++) {
    if (c->out[i].socket >= 0) close(c->out[i].socket);
    if (c->in[i].socket >= 0) close(c->in[i].socket);
  }
  if (c->listener >= 0) close(c->listener);
  free(c->out);
  free(c->in);
  c->magic = ~COMM_MAGIC; /* the struct stays, so that a stale handle is found out */
  return ncclSuccess;
}

EMU_API int ncclCommGetAsyncError(ncclComm_t c, int *state) {
  int failed = check(c);
  if (failed) return failed;
  *state = c->state;
  if (*state == ncclSuccess && now_us() < c->busy_until) *state = ncclInProgress;
  return ncclSuccess;
}

EMU_API int ncclGetVersion(int *version) {
  *version = setting("EMU_NCCL_VERSION", 22809);
  return ncclSuccess;
}

EMU_API const char *ncclGetLastError(ncclComm_t c) {
  (void)c;
  return last_error;
}

EMU_API const char *ncclGetErrorString(int code) {
  static const char *const texts[] = {"no error",
                                      "unhandled cuda error",
                                      "unhandled system error",
                                      "internal error",
                                      "invalid argument",
                                      "invalid usage",
                                      "remote process exited or there was a network error",
                                      "NCCL operation in progress"};
  return code >= 0 && code < 8 ? texts[code] : "unknown result code";
}

EMU_API int ncclMemAlloc(void **address, size_t size) {
  return cudaMalloc(address, size) ? say(ncclUnhandledCudaError, "out of memory") : ncclSuccess;
}

EMU_API int ncclMemFree(void *address) {
  return cudaFree(address) ? say(ncclUnhandledCudaError, "not allocated") : ncclSuccess;
}

struct registration {
  uint64_t magic;
};

EMU_API int ncclCommRegister(ncclComm_t c, void *address, size_t size, void **out) {
  int failed = is_usable(c);
  void *bytes;
  if (failed) return failed;
  if (emuTranslate(address, size, &bytes) != EMU_DEVICE) return say(ncclInvalidArgument, "not device memory");
  struct registration *r = malloc(sizeof *r);
  r->magic = COMM_MAGIC;
  *out = r;
  return ncclSuccess;
}

EMU_API int ncclCommDeregister(ncclComm_t c, void *handle) {
  int failed = check(c);
  struct registration *r = handle;
  if (failed) return failed;
  if (!r || r->magic != COMM_MAGIC) return say(ncclInvalidArgument, "not a registration");
  r->magic = 0;
  free(r);
  return ncclSuccess;
}
