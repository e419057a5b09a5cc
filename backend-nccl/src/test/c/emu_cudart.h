/* What the two halves of the emulated runtime know of each other: memory and devices in emu_memory.c, work in emu_stream.c. */
#ifndef EMU_CUDART_H
#define EMU_CUDART_H

#include "emu.h"

/* Tells whether there is any device, and opens them. */
int has_device(void);

/* Waits until all that is queued on any stream now is done. */
void wait_for_streams(void);

#endif
