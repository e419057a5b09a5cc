#include "emu_cudart.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_MAGIC 0x73747265616d2121ull
#define EVENT_MAGIC 0x6576656e74212121ull

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- streams: a thread each, with its work in order -------------------------------------------------------------- */

struct work {
  cudaHostFn_t function;
  void *argument;
  struct work *next;
};

struct emu_stream {
  uint64_t magic;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct work *first, **end;
  uint64_t queued, done;
  int dying;
  struct emu_stream *next;
};
static struct emu_stream *streams;

static void *run_stream(void *argument) {
  cudaStream_t s = argument;
  pthread_mutex_lock(&s->lock);
  for (;;) {
    while (!s->first && !s->dying) pthread_cond_wait(&s->changed, &s->lock);
    struct work *w = s->first;
    if (!w) break;
    s->first = w->next;
    if (!s->first) s->end = &s->first;
    pthread_mutex_unlock(&s->lock);
    w->function(w->argument);
    free(w);
    pthread_mutex_lock(&s->lock);
    s->done++;
    pthread_cond_broadcast(&s->changed);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL; /* the small struct stays, so that a stale handle is found out */
}

EMU_API int cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags) {
  (void)flags;
  if (!has_device()) return cudaErrorNoDevice;
  cudaStream_t s = calloc(1, sizeof *s);
  s->magic = STREAM_MAGIC;
  s->end = &s->first;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->changed, NULL);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_t thread;
  int failed = pthread_create(&thread, &attributes, run_stream, s);
  pthread_attr_destroy(&attributes);
  if (failed) return cudaErrorMemoryAllocation;
  pthread_mutex_lock(&lock);
  s->next = streams;
  streams = s;
  pthread_mutex_unlock(&lock);
  *out = s;
  return cudaSuccess;
}

static int is_stream(cudaStream_t s) {
  int known = 0;
  pthread_mutex_lock(&lock);
  for (cudaStream_t each = streams; each; each = each->next) known |= each == s && !each->dying;
  pthread_mutex_unlock(&lock);
  return known;
}

static atomic_int no_op;

/* For measuring what calls cost: transfers move nothing, and what is queued on an idle stream is over when the call returns. */
EMU_API void emuNoOp(int on) { no_op = on; }
int emuIsNoOp(void) { return no_op; }

int cudaLaunchHostFunc(cudaStream_t s, cudaHostFn_t function, void *argument) {
  if (!is_stream(s)) return cudaErrorInvalidResourceHandle;
  if (no_op && cudaStreamQuery(s) == cudaSuccess) {
    function(argument);
    return cudaSuccess;
  }
  struct work *w = calloc(1, sizeof *w);
  w->function = function;
  w->argument = argument;
  pthread_mutex_lock(&s->lock);
  *s->end = w;
  s->end = &w->next;
  s->queued++;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  return cudaSuccess;
}

static void drain(cudaStream_t s) {
  pthread_mutex_lock(&s->lock);
  uint64_t wanted = s->queued;
  while (s->done < wanted) pthread_cond_wait(&s->changed, &s->lock);
  pthread_mutex_unlock(&s->lock);
}

void wait_for_streams(void) {
  pthread_mutex_lock(&lock);
  cudaStream_t s = streams;
  pthread_mutex_unlock(&lock);
  for (; s; s = s->next) drain(s);
}

int cudaStreamQuery(cudaStream_t s) {
  if (!is_stream(s)) return cudaErrorInvalidResourceHandle;
  pthread_mutex_lock(&s->lock);
  int busy = s->done < s->queued;
  pthread_mutex_unlock(&s->lock);
  return busy ? cudaErrorNotReady : cudaSuccess;
}

EMU_API int cudaStreamDestroy(cudaStream_t s) {
  if (!is_stream(s)) return cudaErrorInvalidResourceHandle;
  pthread_mutex_lock(&s->lock);
  s->dying = 1; /* what is queued still runs */
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  return cudaSuccess;
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

struct copy {
  void *to;
  const void *from;
  size_t size;
};

static void run_copy(void *argument) {
  struct copy *c = argument;
  memmove(c->to, c->from, c->size);
  free(c);
}

EMU_API int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, cudaStream_t s) {
  if (!has_device()) return cudaErrorNoDevice;
  if (!size) return cudaSuccess;
  void *real_to, *real_from;
  enum emu_kind kind_to = emuTranslate(to, size, &real_to), kind_from = emuTranslate(from, size, &real_from);
  if (kind_to == EMU_OUTSIDE || kind_from == EMU_OUTSIDE || kind != 4 /* default */) return cudaErrorInvalidValue;
  struct copy *c = malloc(sizeof *c);
  *c = (struct copy){real_to, real_from, size};
  int failed = cudaLaunchHostFunc(s, run_copy, c);
  if (failed) {
    free(c);
    return failed;
  }
  /* pageable memory is staged before the call returns */
  if (kind_to == EMU_PAGEABLE || kind_from == EMU_PAGEABLE) drain(s);
  return cudaSuccess;
}

EMU_API int cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t size, cudaStream_t s) {
  (void)to_device;
  (void)from_device; /* the addresses say which */
  return cudaMemcpyAsync(to, from, size, 4, s);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

struct emu_event {
  uint64_t magic;
  pthread_mutex_t lock;
  uint64_t recorded, happened;
  int uses;
};

struct happening {
  cudaEvent_t event;
  uint64_t number;
};

static void release_event(cudaEvent_t e) {
  pthread_mutex_lock(&e->lock);
  int last = --e->uses == 0;
  pthread_mutex_unlock(&e->lock);
  if (last) free(e);
}

static void run_happening(void *argument) {
  struct happening *h = argument;
  pthread_mutex_lock(&h->event->lock);
  h->event->happened = h->number;
  pthread_mutex_unlock(&h->event->lock);
  release_event(h->event);
  free(h);
}

EMU_API int cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags) {
  (void)flags;
  if (!has_device()) return cudaErrorNoDevice;
  cudaEvent_t e = calloc(1, sizeof *e);
  e->magic = EVENT_MAGIC;
  e->uses = 1;
  pthread_mutex_init(&e->lock, NULL);
  *out = e;
  return cudaSuccess;
}

static int is_event(cudaEvent_t e) { return e && e->magic == EVENT_MAGIC; }

EMU_API int cudaEventDestroy(cudaEvent_t e) {
  if (!is_event(e)) return cudaErrorInvalidResourceHandle;
  e->magic = 0;
  release_event(e);
  return cudaSuccess;
}

EMU_API int cudaEventRecord(cudaEvent_t e, cudaStream_t s) {
  if (!is_event(e)) return cudaErrorInvalidResourceHandle;
  struct happening *h = malloc(sizeof *h);
  h->event = e;
  pthread_mutex_lock(&e->lock);
  e->uses++;
  h->number = ++e->recorded;
  pthread_mutex_unlock(&e->lock);
  int failed = cudaLaunchHostFunc(s, run_happening, h);
  if (failed) {
    release_event(e);
    free(h);
  }
  return failed;
}

EMU_API int cudaEventQuery(cudaEvent_t e) {
  if (!is_event(e)) return cudaErrorInvalidResourceHandle;
  pthread_mutex_lock(&e->lock);
  int waiting = e->happened < e->recorded;
  pthread_mutex_unlock(&e->lock);
  return waiting ? cudaErrorNotReady : cudaSuccess;
}
