#!/bin/sh -e
# Builds and runs the sample. ONNXC names the compiler; $1 is the folder for what is built (default: out).
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/out}
cmake -S "$here" -B "$out" ${ONNXC:+-DONNXC="$ONNXC"} >/dev/null
cmake --build "$out" >/dev/null
"$out/cpp-embed" "$out/mnist.so"
