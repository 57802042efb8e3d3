#!/bin/sh -e
# Builds and runs the sample. ONNXC and CC name the compilers; $1 is the folder for what is built (default: out).
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/out}
onnxc=${ONNXC:-$here/../../build/bin/onnxc}
mkdir -p "$out"
"$onnxc" "$here/../../test/models/mnist-8/model.onnx" --prefix=digits -o "$out/digits.o"
"$onnxc" "$here/softmax.onnxtxt" -o "$out/softmax.o" # the prefix is the file's name
"${CC:-cc}" -std=c11 -O2 -Wall -Wextra -I "$out" "$here/main.c" "$out/digits.o" "$out/softmax.o" -lpthread \
  -o "$out/two-models"
"$out/two-models"
