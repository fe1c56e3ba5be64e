"""Ctrl-C while a stage still loads its libraries ends as it does later: with one line, not a traceback."""

import os
import sys


def _end_quietly(kind, error, trace):
    if issubclass(kind, KeyboardInterrupt) and os.environ.get("LLP_DEBUG") != "1":
        print("error: interrupted; the same command starts again", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _end_quietly
