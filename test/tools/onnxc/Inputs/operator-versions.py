"""Compares the operators of onnxc with those of the specification.

    operator-versions.py OPERATORS.json [--spec operators.json] [--update]

OPERATORS.json is the output of `onnxc --list-ops=json`. Beside this file, operator-versions.tsv lists every operator version
of the specification (--spec: the specification's own list, from which that file is made), and missing-operators.tsv those
that onnxc can't import. Fails when one of the two isn't exactly right; --update writes them instead.
"""

import argparse
import json
import pathlib
import sys

here = pathlib.Path(__file__).parent
LISTED, MISSING = here / "operator-versions.tsv", here / "missing-operators.tsv"


def handles(operator, version):
    """A version up to the newest form; of an operator that others are made of, one that has a rule."""
    newest, below = operator["since_version"], operator["upgraded_below"]
    return version <= newest or (not newest and any(version < b for b in below))


def text(rows):
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("operators", type=pathlib.Path)
    parser.add_argument("--spec", type=pathlib.Path)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    listed = LISTED.read_text() if LISTED.exists() else ""
    if arguments.spec and arguments.spec.exists():
        schemas = json.loads(arguments.spec.read_text())["schemas"]
        listed = text(sorted((s["domain"], s["name"], s["since_version"]) for s in schemas if not s["deprecated"]))
    known = {(o["domain"], o["name"]): o for o in json.loads(arguments.operators.read_text())}
    missing = []
    for line in listed.splitlines():
        domain, name, version = line.split("\t")
        if (domain, name) not in known or not handles(known[domain, name], int(version)):
            missing.append((domain, name, version))
    wrong = 0
    for file, content in ((LISTED, listed), (MISSING, text(missing))):
        if arguments.update:
            file.write_text(content)
        elif not file.exists() or file.read_text() != content:
            old, new = set(file.read_text().splitlines() if file.exists() else ()), set(content.splitlines())
            print(f"{file.name} is not up to date (ninja operators-page writes it):",
                  *[f"- {row}" for row in sorted(old - new)], *[f"+ {row}" for row in sorted(new - old)], sep="\n")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
