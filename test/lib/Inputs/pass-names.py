"""One name, four places: the flag of every pass is the stem of its file and of its test, in the folder of its phase.

pass-names.py SOURCE: fuse-rows of lib/Codegen/CPU/Passes.td is lib/Codegen/CPU/FuseRows.cpp and
test/lib/Codegen/CPU/fuse-rows.*. A pass without a line in a Passes.td says its name in getArgument().
"""
import glob
import os
import re
import sys

source = sys.argv[1]
os.chdir(source)
passes = []
for definitions in glob.glob("lib/**/Passes.td", recursive=True):
    for flag in re.findall(r':\s*Pass<"([a-z0-9-]+)"', open(definitions).read()):
        passes.append((os.path.dirname(definitions), flag))
for code in glob.glob("lib/**/*.cpp", recursive=True):
    for flag in re.findall(r'getArgument\(\) const override \{ return "([a-z0-9-]+)"', open(code).read()):
        passes.append((os.path.dirname(code), flag))

wrong = []
for folder, flag in passes:
    stem = "".join(word.capitalize() for word in flag.split("-"))
    if not os.path.exists(f"{folder}/{stem}.cpp"):
        wrong.append(f"{flag}: there is no {folder}/{stem}.cpp")
    if not glob.glob(f"test/{folder}/{flag}.*"):
        wrong.append(f"{flag}: there is no test/{folder}/{flag}.*")
for path in glob.glob("test/lib/**/*.*", recursive=True):
    name = os.path.basename(path)
    if "/Inputs/" not in path and path.endswith((".mlir", ".test", ".onnxtxt")) and not re.fullmatch(r"[a-z0-9.-]+", name):
        wrong.append(f"{path}: names of tests are in lower case, with dashes")
print("\n".join(wrong) or f"{len(passes)} passes have one name")
sys.exit(bool(wrong))
