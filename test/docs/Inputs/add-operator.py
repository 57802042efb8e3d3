"""Follows docs/AddAnOperator.md: applies its edits to copies of the files, builds what they change, and runs its commands.

add-operator.py SOURCE BUILD FOLDER

FOLDER becomes a tree of its own that has only the files the page touches. A code block after <!-- append FILE --> is added
to a copy of that file, one after <!-- create FILE --> is the file. The page's `tools/dev/build` compiles the families that
differ from the source tree's, and whatever lists the families, with the very commands of the build folder, and links them
before its libraries; `tools/dev/test` runs a test's RUN line. All other ```sh lines are run as they stand. What
<!-- printed --> stands before, the last block of commands must have printed.
"""
import json
import os
import re
import shlex
import subprocess
import sys

source, build, folder = (os.path.abspath(path) for path in sys.argv[1:])
page = open(os.path.join(source, "docs", "AddAnOperator.md")).read()
include = os.path.join(folder, "include", "dialects", "onnx")  # found before what the build folder has
objects, done = [], {}
environment = dict(os.environ, PATH=os.pathsep.join([os.path.join(folder, "bin"), os.environ["PATH"]]))


def run(command, cwd, status=0):
    words = command if isinstance(command, list) else ["bash", "-o", "pipefail", "-c", command]
    result = subprocess.run(words, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != status:
        sys.exit(f"exit status {result.returncode} of: {command}\n{result.stdout}")
    return result.stdout


def write(name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def append(name, text):
    copy = os.path.join(folder, name)
    start = open(copy if os.path.exists(copy) else os.path.join(source, name)).read()
    write(name, start.rstrip("\n") + "\n\n" + text)


commands = {entry["file"]: entry["command"] for entry in json.load(open(os.path.join(build, "compile_commands.json")))}


def compile_file(path, like):
    """Compiles `path` with the command of the file `like` of the build."""
    output = os.path.join(folder, os.path.basename(path) + ".o")
    words = shlex.split(commands[os.path.join(source, like)])
    words[words.index("-o") + 1] = output
    words[words.index("-c") + 1] = path
    run([words[0], "-I" + os.path.join(folder, "include"), *words[1:]], build)
    if output not in objects:
        objects.append(output)


def tablegen(family, kind, output):
    tool = os.path.join(os.environ.get("LLVM_TOOLS", "/usr/lib/llvm-22/bin"), "mlir-tblgen")
    words = [tool, kind, "-I", source, "-I", "/usr/lib/llvm-22/include", os.path.join(folder, "dialects/onnx/ops", family + ".td")]
    run(words + ["-o", os.path.join(include, "ops", output)], folder)


def build_tools(tools):
    """The families whose files this tree has, and the list of families when there is a new one."""
    ops = os.path.join(folder, "dialects/onnx/ops")
    os.makedirs(os.path.join(include, "ops"), exist_ok=True)
    families = {name[:-3] for name in os.listdir(os.path.join(source, "dialects/onnx/ops")) if name.endswith(".td")}
    for family in sorted(name[:-3] for name in os.listdir(ops) if name.endswith(".td")):
        text = open(os.path.join(ops, family + ".td")).read()
        if done.get(family) == text:
            continue
        tablegen(family, "-gen-op-decls", family + ".h.inc")
        tablegen(family, "-gen-op-defs", family + ".cpp.inc")
        header = open(os.path.join(source, "dialects/onnx/Family.h.in")).read().replace("@FAMILY@", family)
        write(f"include/dialects/onnx/ops/{family}.h", header)
        code = os.path.join(ops, family + ".cpp")
        known = f"dialects/onnx/ops/{family}.cpp"
        compile_file(code if os.path.exists(code) else os.path.join(source, known),
                     known if family in families else "dialects/onnx/ops/Constant.cpp")
        done[family] = text
        if family not in families:
            families.add(family)
            write("include/dialects/onnx/Families.inc", "".join(f"FAMILY({name})\n" for name in sorted(families)))
            compile_file(os.path.join(source, "dialects/onnx/OnnxDialect.cpp"), "dialects/onnx/OnnxDialect.cpp")
    os.makedirs(os.path.join(folder, "bin"), exist_ok=True)
    for tool in tools:
        link = run(["ninja", "-t", "commands", f"bin/{tool}"], build).splitlines()[-1]
        link = link.replace(f" -o bin/{tool} ", f" {shlex.join(objects)} -o {os.path.join(folder, 'bin', tool)} ")
        run(link, build)


def run_test(path):
    for line in re.findall(r"RUN: (.*)", open(os.path.join(folder, path)).read()):
        run(line.replace("%s", path), folder)


parts = re.findall(r"^(?:<!-- ([^\n]*) -->\n)?```(\S+)\n(.*?)^```$", page, re.M | re.S)
printed, count = "", 0
for mark, language, body in parts:
    action, _, name = mark.partition(" ")
    if action == "append":
        append(name, body)
    elif action == "create":
        write(name, body)
    elif action == "printed":
        for line in body.splitlines():
            if line not in printed:
                sys.exit(f"'{line}' was not printed, but:\n{printed}")
    elif language != "sh":
        sys.exit(f"a block of the page is neither an edit nor a command:\n{body}")
    if language != "sh":
        continue
    printed = ""
    for line in body.splitlines():
        count += 1
        words = line.split()
        if words[0] == "tools/dev/build":
            build_tools(words[1:])
        elif words[0] == "tools/dev/test":
            run_test(words[1])
        else:
            printed += run(line, folder)
print(f"{count} commands run, {len(parts) - page.count('```sh')} edits made")
