#define _GNU_SOURCE
#include "emu_cudart.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_DEVICES 8
#define GRAIN 512
#define PAGE 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int devices = -1;
static size_t capacity;
static __thread int current_device;

struct block {
  size_t offset, size;
  int pins;
  struct block *next;
};

/*
 * A device's memory is one file in memory, mapped twice: what is handed out cannot be touched, so that a CPU which reads
 * a device address dies as it would on a real machine; copies and transfers go through the other mapping.
 */
static struct {
  int file;
  char *shown, *real;
  struct block *blocks;
} device_memory[MAX_DEVICES];

struct pinned {
  char *address;
  size_t size;
  struct pinned *next;
};
static struct pinned *pinned_memory;

static size_t setting(const char *name, size_t otherwise) {
  const char *text = getenv(name);
  return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static void open_devices_locked(void) {
  if (devices >= 0) return;
  int wanted = (int)setting("EMU_CUDA_DEVICES", 1);
  capacity = setting("EMU_CUDA_MEMORY", (size_t)16 << 30);
  devices = 0;
  for (int i = 0; i < wanted && i < MAX_DEVICES; i++) {
    int file = memfd_create("emu-gpu", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, (off_t)capacity)) return;
    device_memory[i].file = file;
    device_memory[i].shown = mmap(NULL, capacity, PROT_NONE, MAP_SHARED | MAP_NORESERVE, file, 0);
    device_memory[i].real = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    if (device_memory[i].shown == MAP_FAILED || device_memory[i].real == MAP_FAILED) return;
    devices = i + 1;
  }
}

int has_device(void) {
  pthread_mutex_lock(&lock);
  open_devices_locked();
  int count = devices;
  pthread_mutex_unlock(&lock);
  return count > 0;
}

static struct block *find_locked(const char *address, int *device) {
  for (int d = 0; d < devices; d++) {
    if (address < device_memory[d].shown || address >= device_memory[d].shown + capacity) continue;
    *device = d;
    size_t offset = (size_t)(address - device_memory[d].shown);
    for (struct block *b = device_memory[d].blocks; b; b = b->next)
      if (offset >= b->offset && offset < b->offset + b->size) return b;
    return NULL;
  }
  *device = -1;
  return NULL;
}

enum emu_kind emuTranslate(const void *pointer, size_t size, void **bytes) {
  const char *address = pointer;
  int device;
  enum emu_kind kind = EMU_PAGEABLE;
  pthread_mutex_lock(&lock);
  open_devices_locked();
  struct block *b = find_locked(address, &device);
  if (b) {
    size_t offset = (size_t)(address - device_memory[device].shown);
    kind = offset + size <= b->offset + b->size ? EMU_DEVICE : EMU_OUTSIDE;
    *bytes = device_memory[device].real + offset;
  } else if (device >= 0) {
    kind = EMU_OUTSIDE;
  } else {
    *bytes = (void *)address;
    for (struct pinned *p = pinned_memory; p; p = p->next)
      if (address >= p->address && address + size <= p->address + p->size) kind = EMU_PINNED;
  }
  pthread_mutex_unlock(&lock);
  return kind;
}

void emuPin(const void *address, int change) {
  int device;
  pthread_mutex_lock(&lock);
  struct block *b = find_locked(address, &device);
  if (b) b->pins += change;
  pthread_mutex_unlock(&lock);
}

int cudaMalloc(void **address, size_t size) {
  if (!has_device()) return cudaErrorNoDevice;
  if (!address || !size) return cudaErrorInvalidValue;
  size = (size + GRAIN - 1) & ~(size_t)(GRAIN - 1);
  pthread_mutex_lock(&lock);
  struct block **place = &device_memory[current_device].blocks;
  size_t at = 0;
  while (*place && (*place)->offset - at < size) {
    at = (*place)->offset + (*place)->size;
    place = &(*place)->next;
  }
  int full = at + size > capacity;
  if (!full) {
    struct block *b = calloc(1, sizeof *b);
    *b = (struct block){.offset = at, .size = size, .next = *place};
    *place = b;
    *address = device_memory[current_device].shown + at;
  }
  pthread_mutex_unlock(&lock);
  return full ? cudaErrorMemoryAllocation : cudaSuccess;
}

/* As the real one, it waits for all work of the device. */
int cudaFree(void *address) {
  if (!has_device()) return cudaErrorNoDevice;
  if (!address) return cudaSuccess;
  wait_for_streams();
  int device;
  pthread_mutex_lock(&lock);
  struct block *b = find_locked(address, &device);
  int wrong = !b || (char *)address != device_memory[device].shown + b->offset;
  if (!wrong && b->pins) {
    fprintf(stderr, "emu: memory is freed with %d transfers in flight\n", b->pins);
    wrong = 1;
  }
  if (!wrong) {
    struct block **place = &device_memory[device].blocks;
    while (*place != b) place = &(*place)->next;
    *place = b->next;
    size_t from = (b->offset + PAGE - 1) & ~(size_t)(PAGE - 1), to = (b->offset + b->size) & ~(size_t)(PAGE - 1);
    if (to > from)
      (void)!fallocate(device_memory[device].file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
                       (off_t)(to - from));
    free(b);
  }
  pthread_mutex_unlock(&lock);
  return wrong ? cudaErrorInvalidValue : cudaSuccess;
}

EMU_API int cudaMallocHost(void **address, size_t size) {
  if (!has_device()) return cudaErrorNoDevice;
  if (!address || !size || posix_memalign(address, PAGE, size)) return cudaErrorMemoryAllocation;
  struct pinned *p = calloc(1, sizeof *p);
  pthread_mutex_lock(&lock);
  *p = (struct pinned){.address = *address, .size = size, .next = pinned_memory};
  pinned_memory = p;
  pthread_mutex_unlock(&lock);
  return cudaSuccess;
}

EMU_API int cudaFreeHost(void *address) {
  wait_for_streams();
  struct pinned *found = NULL;
  pthread_mutex_lock(&lock);
  for (struct pinned **place = &pinned_memory; *place && !found; place = &(*place)->next) {
    if ((*place)->address != address) continue;
    found = *place;
    *place = found->next;
    break;
  }
  pthread_mutex_unlock(&lock);
  if (!found) return cudaErrorInvalidValue;
  free(address);
  free(found);
  return cudaSuccess;
}

struct attributes {
  int type, device;
  void *device_pointer, *host_pointer;
  long reserved[8];
};

EMU_API int cudaPointerGetAttributes(struct attributes *out, const void *address) {
  if (!has_device()) return cudaErrorNoDevice;
  void *bytes;
  enum emu_kind kind = emuTranslate(address, 1, &bytes);
  memset(out, 0, sizeof *out);
  if (kind == EMU_OUTSIDE) return cudaErrorInvalidValue;
  out->type = kind;
  out->device = -2;
  if (kind == EMU_DEVICE) {
    pthread_mutex_lock(&lock);
    find_locked(address, &out->device);
    pthread_mutex_unlock(&lock);
  }
  return cudaSuccess;
}

/* ---- devices and errors ------------------------------------------------------------------------------------------ */

EMU_API int cudaGetDeviceCount(int *count) {
  int any = has_device();
  *count = devices;
  return any ? cudaSuccess : cudaErrorNoDevice;
}

int cudaGetDevice(int *device) {
  if (!has_device()) return cudaErrorNoDevice;
  *device = current_device;
  return cudaSuccess;
}

EMU_API int cudaSetDevice(int device) {
  if (!has_device()) return cudaErrorNoDevice;
  if (device < 0 || device >= devices) return cudaErrorInvalidDevice;
  current_device = device;
  return cudaSuccess;
}

EMU_API int cudaGetLastError(void) { return cudaSuccess; }

EMU_API const char *cudaGetErrorString(int error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle: return "invalid resource handle";
    case cudaErrorNotReady: return "device not ready";
    default: return "unrecognized error code";
  }
}
