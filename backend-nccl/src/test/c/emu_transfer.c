#include "emu_nccl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_MAGIC 0x656d752d68647221ull
#define MAX_POLLED 64

/* ---- what tests can make happen, by a call into this library ------------------------------------------------------- */

static atomic_int frozen, failing, corrupting, silent;

EMU_API void emuFreeze(int on) { frozen = on; }      /* no bytes move */
EMU_API void emuFail(int on) { failing = on; }       /* every group that begins fails */
EMU_API void emuCorrupt(int on) { corrupting = on; } /* the first byte that arrives is another */
EMU_API void emuSilent(int on) { silent = on; }      /* the death of a peer shows nowhere, as behind P2P and SHM */

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

/* The first send to itself goes to the first receive from itself, and so on. */
static void copy_to_self(struct task *task) {
  for (struct transfer *t = task->transfers; t; t = t->next) {
    if (t->peer != t->comm->rank || t->stage == OVER) continue;
    for (struct transfer *r = t->sends ? task->transfers : NULL; r; r = r->next) {
      if (r->peer != t->comm->rank || r->sends || r->turn != t->turn) continue;
      memmove(r->bytes, t->bytes, t->size < r->size ? t->size : r->size);
      if (corrupting && r->size) r->bytes[0] = (char)~r->bytes[0];
    }
    t->stage = OVER;
  }
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
  int left = !emuIsNoOp();
  if (task->fails) c->state = say(ncclSystemError, "the test asked for a failure");
  while (left && !c->aborted) {
    struct pollfd polled[MAX_POLLED];
    int count = 0, moved = 0;
    if (frozen || task->fails || left < 0) {
      usleep(1000); /* as on a GPU: what has failed does not end by itself, it must be aborted */
      continue;
    }
    copy_to_self(task);
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
  c->busy_until = emuIsNoOp() ? 0 : now_us() + setting("EMU_NCCL_BUSY_US", 50);
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
