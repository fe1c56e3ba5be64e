from __future__ import annotations

import io
import sys

from llp.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_printed_where_nobody_watches(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar(3, "probing") as bar:
        bar.update(3)
    assert sys.stderr.getvalue() == ""


def test_a_terminal_sees_title_unit_and_what_was_done_before(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar(4, "training", "epoch", done=2) as bar:
        bar.update(1)
        bar.refresh()
    shown = sys.stderr.getvalue()
    assert "training" in shown
    assert "2/4" in shown
    assert "3/4" in shown
    assert "epoch" in shown
