"""How figures are made: every one twice, for light and for dark pages, with the same bytes from the same numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

PAGE_DPI = 96
DPI = 2 * PAGE_DPI  # so that figures stay sharp on fine screens and on paper
HALF_PAGE = 500  # pixels
LABEL_LENGTH = 22


@dataclass(frozen=True)
class Theme:
    """Colours of a figure. first and second differ in lightness, too, for readers who see no hue."""

    ground: str
    text: str
    muted: str
    grid: str
    first: str
    second: str


LIGHT = Theme("#ffffff", "#1d2733", "#68757f", "#dfe4ea", "#0b5cad", "#d9730d")
DARK = Theme("#171e26", "#dce3ea", "#8f9dab", "#2d3844", "#6cb4ff", "#f0a04b")


@dataclass(frozen=True)
class Picture:
    """A figure as data addresses. alt: what it shows, for those who cannot see it; width, height: in page pixels."""

    light: str
    dark: str
    width: int
    height: int
    alt: str

    @property
    def is_wide(self) -> bool:
        """Whether it needs more than half of a page."""
        return self.width > HALF_PAGE


def draw(paint: Callable[[Axes, Theme], None], alt: str, size: tuple[float, float] = (4.8, 3.1)) -> Picture:
    """Let `paint` fill one pair of axes in both themes; size in inches."""
    return draw_panels(lambda axes, theme: paint(axes[0], theme), alt, size)


def draw_panels(
    paint: Callable[[Sequence[Axes], Theme], None],
    alt: str,
    size: tuple[float, float],
    heights: Sequence[float] = (1,),
) -> Picture:
    """The same with panels below each other, whose heights relate as `heights`, on one horizontal axis."""
    width, height = (round(side * PAGE_DPI) for side in size)
    light, dark = (_png(paint, theme, (width, height), heights) for theme in (LIGHT, DARK))
    return Picture(png_address(light), png_address(dark), width, height, alt)


def png_address(content: bytes) -> str:
    """A picture as an address that needs no file."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def label(name: str, number: int) -> str:
    """A class's name as a figure can show it: one short line, or its number where the font lacks a letter."""
    line = " ".join(name.split())
    if not line or any(ord(letter) not in _letters() for letter in line):
        return f"class {number}"
    return line if len(line) <= LABEL_LENGTH else f"{line[: LABEL_LENGTH - 1]}…"


def percent_axis(axis: matplotlib.axis.Axis) -> None:
    """Shares as per cent; as many digits as the range needs."""
    low, high = sorted(axis.get_view_interval())
    digits = 0 if high - low > 0.03 else 1
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.{digits}f} %"))


def legend_above(axes: Axes, columns: int = 3) -> None:
    """A legend that hides nothing of the figure."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, borderaxespad=0.2, columnspacing=1.4)


def _png(
    paint: Callable[[Sequence[Axes], Theme], None], theme: Theme, size: tuple[int, int], heights: Sequence[float]
) -> bytes:
    # A reader's own matplotlib settings would change the bytes.
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        matplotlib.rcParams.update(_settings(theme))
        figure = Figure(figsize=[side / PAGE_DPI for side in size], dpi=DPI, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        ratios = {"height_ratios": list(heights)}
        grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw=ratios)
        paint(list(grid[:, 0]), theme)
        file = io.BytesIO()
        # The version of matplotlib, written by default, is no part of the picture.
        canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()


def _settings(theme: Theme) -> dict[str, object]:
    return {
        "text.parse_math": False,  # a class may be called $x$
        "font.family": "DejaVu Sans",  # it comes with matplotlib, so it is the same everywhere
        "font.size": 9,
        "figure.facecolor": theme.ground,
        "axes.facecolor": theme.ground,
        "text.color": theme.text,
        "axes.labelcolor": theme.text,
        "axes.edgecolor": theme.muted,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": theme.grid,
        "grid.linewidth": 0.7,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "xtick.labelcolor": theme.text,
        "ytick.labelcolor": theme.text,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.8,
    }


@cache
def _letters() -> frozenset[int]:
    return frozenset(font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap())
