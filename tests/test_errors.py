"""How a script ends: one line on stderr that a person can act on, and the exit code that shells and DVC expect."""

from __future__ import annotations

import pytest

SCRIPT = """
import errno, os, signal
from llp.errors import DataError, DivergedError, LLPError, ParameterError, exit_cleanly

def main():
    {body}

# Shells start background jobs with Ctrl-C ignored, and a test may run in one.
signal.signal(signal.SIGINT, signal.default_int_handler)
exit_cleanly(main)
"""


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        ("raise LLPError('the file a.csv is missing: make it')", 1, "the file a.csv is missing: make it"),
        ("raise DataError('class cat has one sample')", 1, "class cat has one sample"),
        ("raise DivergedError('all runs diverged')", 1, "all runs diverged"),
        ("raise ParameterError('seed: -1 is below 0')", 2, "seed: -1 is below 0"),
        (
            "os.kill(os.getpid(), signal.SIGINT); signal.pause()",
            130,
            "interrupted; what is finished is kept, the same command goes on from there",
        ),
        (
            "raise OSError(errno.ENOSPC, 'No space left on device', 'data/x.npy')",
            1,
            "no space left on the disk while writing data/x.npy; make room, the same command goes on from there",
        ),
        (
            "open('/dev/full', 'w').write('x' * 100_000)",
            1,
            "no space left on the disk; make room, the same command goes on from there",
        ),
        (
            "open('nowhere/x')",
            1,
            "FileNotFoundError: [Errno 2] No such file or directory: 'nowhere/x'",
        ),
        (
            r"raise RuntimeError('first\n   second line')",
            1,
            "RuntimeError: first second line (an error in the program; LLP_DEBUG=1 shows where)",
        ),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(run_script, body, code, line):
    ended = run_script(SCRIPT.format(body=body))
    assert ended.stderr == f"error: {line}\n"
    assert (ended.returncode, ended.stdout) == (code, "")


def test_a_script_that_works_ends_with_0_and_says_nothing_of_its_own(run_script):
    ended = run_script(SCRIPT.format(body="print('done')"))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


@pytest.mark.parametrize("body", ["raise ParameterError('seed: wrong')", "raise RuntimeError('seed: wrong')"])
def test_llp_debug_shows_where_it_happened(run_script, body):
    ended = run_script(SCRIPT.format(body=body), LLP_DEBUG="1")
    assert ended.returncode == 1
    assert "Traceback (most recent call last)" in ended.stderr
    assert "in main" in ended.stderr
