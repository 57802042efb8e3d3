#!/bin/sh -e
# Builds and runs the sample. ONNXC and CC name the compilers; $1 is the folder for what is built (default: out).
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/out}
mkdir -p "$out"
"${ONNXC:-$here/../../build/bin/onnxc}" "$here/../../test/models/mnist-8/model.onnx" -o "$out/mnist.o"
"${CC:-cc}" -std=c11 -O2 -Wall -Wextra -I "$out" "$here/main.c" "$out/mnist.o" -o "$out/c-embed"
"$out/c-embed"
