"""Subprocesses: their output, their status, and this program's own environment."""

import subprocess
import sys


def run(code, **options):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, **options
    )
    return done.returncode, done.stdout, done.stderr.count("\n")


def conversation(lines):
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", "for l in iter(input, ''): print(l[::-1])"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    answers = []
    for line in lines:
        process.stdin.write(line + "\n")
        process.stdin.flush()
        answers.append(process.stdout.readline().strip())
    process.stdin.write("\n")
    process.stdin.close()
    answers.append(process.wait())
    process.stdout.close()
    process = None
    return answers


print(run("print('hello'); raise SystemExit(4)"))
print(run("import sys; sys.stderr.write('a\\nb\\n'); print(input())", input="given\n"))
print(run("import os, sys; print(sorted(os.environ), sys.path, sys.argv, sys.orig_argv[1:], sys.flags)"))
print(conversation(["abc", "xyz"]))
sys.stdout.flush()
subprocess.run(["sh", "-c", "echo to the same stdout; echo and stderr >&2"])
print("end")
