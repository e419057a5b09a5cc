#include "emu_nccl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- errors and time ----------------------------------------------------------------------------------------------- */

static pthread_mutex_t error_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_error[512] = "";

int say(int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  pthread_mutex_lock(&error_lock);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  pthread_mutex_unlock(&error_lock);
  va_end(arguments);
  return code;
}

long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

int setting(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text && *text ? atoi(text) : otherwise;
}

int check(ncclComm_t c) {
  if (!c || c->magic != COMM_MAGIC) return say(ncclInvalidArgument, "the communicator is null or was aborted");
  return ncclSuccess;
}

int is_usable(ncclComm_t c) {
  int failed = check(c);
  if (failed) return failed;
  if (c->state == ncclInProgress || now_us() < c->busy_until)
    return say(ncclInvalidArgument, "the communicator is used before its last call has succeeded");
  return c->state;
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
