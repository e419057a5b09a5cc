#!/usr/bin/env bash
# build.sh OUT: builds libcuda.so.1, libcudart.so.13 and libnccl.so.2 that run on the CPU, for tests.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build.sh OUT}
mkdir -p "$out"
flags=(-std=gnu11 -O2 -Wall -Wextra -Werror -fPIC -fvisibility=hidden -pthread -shared)
# real libcudart versions its symbols by its own name, and the binding asks for that version
printf 'libcudart.so.13 { global: *; };' >"$out/cudart.map"
"${CC:-gcc}" "${flags[@]}" -Wl,-soname,libcuda.so.1 -o "$out/libcuda.so.1" "$here/emu_cuda.c"
"${CC:-gcc}" "${flags[@]}" -Wl,-soname,libcudart.so.13 -Wl,--version-script,"$out/cudart.map" \
  -o "$out/libcudart.so.13" "$here/emu_memory.c" "$here/emu_stream.c"
"${CC:-gcc}" "${flags[@]}" -Wl,-soname,libnccl.so.2 -o "$out/libnccl.so.2" \
  "$here"/emu_{nccl,connect,socket,transfer}.c \
  -L"$out" -l:libcudart.so.13 -Wl,-rpath,'$ORIGIN' -Wl,-z,defs
