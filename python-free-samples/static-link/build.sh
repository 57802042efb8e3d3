#!/bin/sh -e
# Builds and runs the sample. ONNXC and CC name the compilers, RUNTIME the runtime's archive; $1 is the folder for what is
# built (default: out).
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
out=${1:-$here/out}
mkdir -p "$out"
"${ONNXC:-$root/build/bin/onnxc}" "$root/test/models/mnist-8/model.onnx" -o "$out/mnist.a"
"${CC:-cc}" -std=c11 -O2 -Wall -Wextra -static -I "$out" -I "$root/runtime/include" "$here/main.c" "$out/mnist.a" \
  "${RUNTIME:-$root/build/lib/libonnxc_runtime.a}" -lpthread -o "$out/static-link"
"$out/static-link"
