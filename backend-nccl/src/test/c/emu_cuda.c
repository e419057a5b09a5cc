/* The driver's library: the binding wants it to be there, and calls nothing in it. */
__attribute__((visibility("default"))) int emu_libcuda_is_here = 1;
