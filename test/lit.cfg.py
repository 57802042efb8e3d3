# lit's settings for all tests. A test's first lines say what it runs: "RUN: onnxc ... | FileCheck %s".
#
# %source, %build   the two trees
# %shared           the project's shared data; tests that need it say REQUIRES: shared
# %python           a Python with numpy and onnx; tests that need them say REQUIRES: python-onnx, or python-onnxruntime
import glob
import os
import platform
import shutil
import sys

import lit.formats

config.name = "onnxc"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".mlir", ".onnxtxt", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.join(config.source, "test")
config.test_exec_root = os.path.join(config.build, "test")

path = [os.path.join(config.build, "bin"), config.llvm_tools, config.environment.get("PATH", "")]
config.environment["PATH"] = os.pathsep.join(path)
for name in ("HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "CI"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions += [
    ("%source", config.source),
    ("%build", config.build),
    ("%cxx", config.cxx),
    ("%cc", config.cc),
]

shared = os.environ.get("ONNXC_SHARED", os.path.join(os.path.dirname(config.source), "shared"))
if os.path.isdir(os.path.join(shared, "conformance")):
    config.available_features.add("shared")
config.substitutions.append(("%shared", shared))

if platform.machine() == "x86_64":
    config.available_features.add("x86-64-host")

# What `ninja fuzzers` has built.
if os.path.exists(os.path.join(config.build, "bin", "fuzz-image")):
    config.available_features.add("libfuzzer")
if os.path.exists(os.path.join(config.build, "bin", "compare-images")):
    config.available_features.add("image-libraries")

if config.sanitize:
    config.available_features.add("sanitize")
# %run-aarch64 is onnxc-run for that processor.
if shutil.which("qemu-aarch64") and shutil.which("aarch64-linux-gnu-g++"):
    config.available_features.add("qemu-aarch64")
    run_aarch64 = os.path.join(config.build, "test", "onnxc-run-aarch64")
    config.substitutions.append(("%run-aarch64", "qemu-aarch64 -L /usr/aarch64-linux-gnu " + run_aarch64))

# tools/dev/setup --tests makes this environment from test/requirements.txt.
python = os.path.join(config.source, ".cache", "venv", "bin", "python")
if os.path.exists(python):
    config.available_features.add("python-onnx")
    config.substitutions.append(("%python", python))
else:
    config.substitutions.append(("%python", sys.executable))

if glob.glob(os.path.join(config.source, ".cache", "venv", "lib", "*", "site-packages", "onnxruntime")):
    config.available_features.add("python-onnxruntime")

if config.available_features & {"shared", "python-onnx"}:
    config.available_features.add("backend-cases")
