"""How numbers are written on the page."""

from __future__ import annotations

import math
from typing import Any

NO_BREAK = "\N{NARROW NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"


def percent(share: float | None, digits: int = 2) -> str:
    """A share as per cent; a dash where there is none."""
    if share is None or not math.isfinite(share):
        return NOTHING
    return f"{100 * share:.{digits}f}{NO_BREAK}%"


def number(value: Any) -> str:
    """A hyperparameter's value or a measured number, short; other things as they are, a dash where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def count(value: float) -> str:
    """A number of things or epochs, thousands apart; a fraction only where there is one."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
