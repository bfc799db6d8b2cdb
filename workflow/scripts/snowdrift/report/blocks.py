"""What a section of the report is made of; the template turns each kind of block into HTML."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes:
        source: a `data:` URI.
        alternative: what it shows, for who cannot see it.
        caption: the line below it.
        wide: whether it is too detailed for a narrow screen, and may be scrolled sideways there.
    """

    source: str
    alternative: str
    caption: str
    wide: bool = False
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Comparison:
    """A frame before and after, under a slider that moves from one to the other.

    Attributes:
        original, winter: `data:` URIs of pictures of one size.
        name: the frame.
    """

    original: str
    winter: str
    name: str
    kind: ClassVar[str] = "comparison"


@dataclass(frozen=True)
class Table:
    """A table; a cell that is a number is written with `decimals` digits and set to the right.

    Attributes:
        caption: the line above it.
        header: names of the columns.
        rows: cells.
        decimals: digits after the point of floats.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    decimals: int = 3
    kind: ClassVar[str] = "table"

    def cells(self) -> list[list[tuple[str, bool]]]:
        """Each cell's text and whether it is a number."""
        return [[self._cell(value) for value in row] for row in self.rows]

    def _cell(self, value: str | int | float) -> tuple[str, bool]:
        if isinstance(value, str):
            return value, False
        if isinstance(value, Integral):
            return f"{value:,}", True
        return ("none" if math.isnan(value) else f"{value:,.{self.decimals}f}"), True


@dataclass(frozen=True)
class Chart:
    """A chart with numbers on hover.

    Attributes:
        figure: plotly's figure as JSON's types: `data` and `layout`.
        alternative: what it shows, for who cannot see it.
        caption: the line below it.
        table: its figures, where no table on the page has them.
    """

    figure: Mapping[str, Any]
    alternative: str
    caption: str
    table: Table | None = None
    kind: ClassVar[str] = "chart"


@dataclass(frozen=True)
class Code:
    """Text to be read as it is, such as a command or a file."""

    text: str
    title: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        anchor: its id, for links.
        title: its heading.
        blocks: what it shows, in order.
    """

    anchor: str
    title: str
    blocks: Sequence[Text | Figure | Comparison | Table | Chart | Code]
