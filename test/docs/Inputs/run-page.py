"""Runs a page of the documentation: every line of its ```sh blocks, in order, in a folder that is there for it.

run-page.py PAGE FOLDER: runs them in FOLDER with bash; each must succeed. A ```text block after one is what the block above
must have printed: its lines, in order, among others. Lines whose program this machine lacks, or does not let run (perf in
a container), are told and passed over; every page has others.
"""
import functools
import re
import shutil
import subprocess
import sys

page, folder = sys.argv[1:]
blocks = re.findall(r"^```(\w+)\n(.*?)^```$", open(page).read(), re.M | re.S)


@functools.cache  # one answer for all lines: later ones read what earlier ones wrote
def works(program):
    if not shutil.which(program):
        return False
    trial = {"perf": ["perf", "record", "-o", "/dev/null", "true"], "gdb": ["gdb", "-batch", "-ex", "run", "--args", "true"]}
    return program not in trial or subprocess.run(trial[program], capture_output=True, cwd=folder).returncode == 0


runs, printed = 0, ""
for language, body in blocks:
    if language == "text":
        at = 0
        for line in body.splitlines():
            at = printed.find(line, at)
            if at < 0:
                sys.exit(f"{page}: '{line}' was not printed, but:\n{printed}")
            at += len(line)
    if language != "sh":
        continue
    printed = ""
    for line in body.splitlines():
        program = line.split()[0] if line.split() else "#"
        if program.startswith("#"):
            continue
        if program in ("perf", "gdb") and not works(program):
            print(f"passed over: {line}")
            continue
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        printed += done.stdout
        runs += 1
        if done.returncode:
            sys.exit(f"{page}: exit status {done.returncode} of: {line}\n{done.stdout}")
if not runs:
    sys.exit(f"{page}: nothing was run")
print(f"{runs} commands run")
