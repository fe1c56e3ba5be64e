"""Errors that people can act on, and how a script ends when it meets one."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable


class LLPError(Exception):
    """Something the user can mend. The message is one line: what is wrong, with its name, and the way out.

    A script that meets it ends with exit code 1.
    """

    exit_code = 1


class ParameterError(LLPError):
    """A parameter or an argument is wrong; exit code 2."""

    exit_code = 2


class DataError(LLPError):
    """A data set is missing, unreadable or unfit for learning."""


class DivergedError(LLPError):
    """A training run that had to succeed became not finite or far worse than at its start."""


def exit_cleanly(main: Callable[[], None]) -> None:
    """Run `main`; turn what it raises into one line on stderr and an exit code.

    `LLP_DEBUG=1` shows the traceback instead. Ctrl-C ends with 130, as shells expect.
    """
    if os.environ.get("LLP_DEBUG") == "1":
        main()
        return
    try:
        main()
    except LLPError as error:
        _end(str(error), error.exit_code)
    except KeyboardInterrupt:
        _end("interrupted; what is finished is kept, the same command goes on from there", 130)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            where = f" while writing {error.filename}" if error.filename else ""
            _end(f"no space left on the disk{where}; make room, the same command goes on from there", 1)
        _end(_one_line(error), 1)
    except Exception as error:
        _end(f"{_one_line(error)} (an error in the program; LLP_DEBUG=1 shows where)", 1)


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _end(message: str, code: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
