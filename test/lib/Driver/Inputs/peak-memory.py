"""peak-memory.py COMMAND...: runs it and prints the most MiB of memory that it had of its own, as against mapped files."""
import re
import subprocess
import sys
import time

child, peak = subprocess.Popen(sys.argv[1:]), 0
while child.poll() is None:
    try:
        with open(f"/proc/{child.pid}/status") as status:
            own = re.search(r"RssAnon:\s+(\d+)", status.read())
    except OSError:
        break
    peak = max(peak, int(own[1]) if own else 0)
    time.sleep(0.005)
print(f"{peak // 1024} MiB")
sys.exit(child.wait())
