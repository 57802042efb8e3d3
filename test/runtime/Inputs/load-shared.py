# What a program in Python needs of runtime.h, and a model run with it from several threads.
import ctypes
import sys
import threading
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_float, c_int32, c_int64, c_uint64, c_void_p

library_path, folder = sys.argv[1:]
runtime = ctypes.CDLL(library_path)


class Error(Structure):
    _fields_ = [("text", c_char * 512)]


class Tensor(Structure):
    _fields_ = [("data", c_void_p), ("dims", POINTER(c_int64))]


runtime.onnxc_pool_create.restype = c_void_p
runtime.onnxc_output.restype = Tensor
runtime.onnxc_set_input.argtypes = [c_void_p, c_uint64, c_void_p, POINTER(c_int64), c_int32, POINTER(Error)]
runtime.onnxc_set_time_limit.argtypes = [c_void_p, c_int64]
runtime.onnxc_output.argtypes = [c_void_p, c_uint64]
for name in "onnxc_run", "onnxc_close", "onnxc_session_destroy", "onnxc_pool_destroy":
    getattr(runtime, name).argtypes = [c_void_p] + [POINTER(Error)] * (name == "onnxc_run")
runtime.onnxc_open.argtypes = [c_char_p, c_void_p, POINTER(c_void_p), POINTER(Error)]
runtime.onnxc_session_create.argtypes = [c_void_p, c_void_p, POINTER(c_void_p), POINTER(Error)]


def check(status, error):
    if status:
        raise RuntimeError(error.text.decode())


def numbers(path):
    return [float(word) for line in open(path) if not line.startswith("#") for word in line.split()]


error, library = Error(), c_void_p()
check(runtime.onnxc_open(f"{folder}/digits.so".encode(), None, byref(library), byref(error)), error)

image = (c_float * 784)(*numbers(f"{folder}/in/input_0.txt"))
want = numbers(f"{folder}/out/output_0.txt")
dims = (c_int64 * 4)(1, 1, 28, 28)
pool = runtime.onnxc_pool_create(3)
results = []


def session():
    made, problem = c_void_p(), Error()
    check(runtime.onnxc_session_create(library, pool, byref(made), byref(problem)), problem)
    check(runtime.onnxc_set_input(made, 0, image, dims, 4, byref(problem)), problem)
    return made


def run():
    problem, mine = Error(), session()
    for _ in range(4):
        check(runtime.onnxc_run(mine, byref(problem)), problem)
        data = ctypes.cast(runtime.onnxc_output(mine, 0).data, POINTER(c_float))
        results.append(data[:10] == [c_float(number).value for number in want])
    runtime.onnxc_session_destroy(mine)


one = session()
check(runtime.onnxc_run(one, byref(error)), error)
runtime.onnxc_set_input(one, 0, image, (c_int64 * 4)(1, 1, 28, 27), 4, byref(error))
print(f"status {runtime.onnxc_run(one, byref(error))}: {error.text.decode()}")
check(runtime.onnxc_set_input(one, 0, image, dims, 4, byref(error)), error)
runtime.onnxc_set_time_limit(one, 1)
print(f"status {runtime.onnxc_run(one, byref(error))}: {error.text.decode()}")
runtime.onnxc_session_destroy(one)
threads = [threading.Thread(target=run) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{len(results)} runs on 3 threads, {'all as' if all(results) else 'not as'} onnxc-run has it")
runtime.onnxc_pool_destroy(pool)
runtime.onnxc_close(library)
