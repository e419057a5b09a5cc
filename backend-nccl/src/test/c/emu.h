/*
 * nccl-emulator: the slice of the CUDA runtime and of NCCL that KVFerry's backend uses, on the CPU. A test fixture: it is
 * never packaged, needs no GPU and contains nothing of NVIDIA's. It is strict where the real libraries are merely
 * undefined, so that a backend which passes here keeps the rules that they state.
 */
#ifndef EMU_H
#define EMU_H

#include <stddef.h>
#include <stdint.h>

#define EMU_API __attribute__((visibility("default")))

enum {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600
};

typedef struct emu_stream *cudaStream_t;
typedef struct emu_event *cudaEvent_t;
typedef void (*cudaHostFn_t)(void *);

/* What an address is. */
enum emu_kind { EMU_OUTSIDE = -1, EMU_PAGEABLE = 0, EMU_PINNED = 1, EMU_DEVICE = 2 };

/* Finds the bytes behind [address, +size), whatever it is: where it is device memory, the CPU can read them at *bytes alone. */
EMU_API enum emu_kind emuTranslate(const void *address, size_t size, void **bytes);

/* Counts transfers that use device memory; freeing it meanwhile is refused. */
EMU_API void emuPin(const void *address, int change);

/* Tells whether transfers are to move nothing. */
EMU_API int emuIsNoOp(void);

EMU_API int cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *argument);
EMU_API int cudaStreamQuery(cudaStream_t stream);
EMU_API int cudaGetDevice(int *device);
EMU_API int cudaMalloc(void **address, size_t size);
EMU_API int cudaFree(void *address);

#endif
