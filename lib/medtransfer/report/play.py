"""Pictures that a reader can play with, and that are still where no kernel runs.

Jupyter shows the widgets; a page without a kernel (the report, GitHub) shows the first picture.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _image(picture: bytes) -> widgets.Image:
    """Return a PNG as a widget of its own size, where the page is wide enough."""
    return widgets.Image(
        value=picture, format="png", layout={"max_width": "100%", "align_self": "flex-start"}
    )


class Still:
    """Widgets, or one picture if no kernel could move them."""

    def __init__(self, box: widgets.DOMWidget, picture: bytes) -> None:
        self.box, self.picture = box, picture

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        shown = self.box._repr_mimebundle_() or {}
        return {**shown, "image/png": base64.b64encode(self.picture).decode()}


class Board(Still):
    """A picture that is drawn again whenever a control is moved.

    Args:
        draw: values of the controls, by name -> the picture.
        controls: name -> a widget with a `value`.
    """

    def __init__(
        self, draw: Callable[..., Figure], controls: Mapping[str, widgets.ValueWidget]
    ) -> None:
        self.draw, self.controls = draw, controls
        self.image = _image(self._drawn())
        self.note = widgets.HTML()
        for control in controls.values():
            control.observe(self._redraw, "value")
        super().__init__(
            widgets.VBox([*controls.values(), self.note, self.image]), self.image.value
        )

    def _drawn(self) -> bytes:
        return png(self.draw(**{name: each.value for name, each in self.controls.items()}))

    def _redraw(self, _: Any) -> None:
        try:
            self.image.value, self.note.value = self._drawn(), ""
        except Exception as error:  # in a callback it would be lost
            self.note.value = f"This cannot be shown: {error}"


class Quiz(Still):
    """Pairs of pictures, A and B, one of which was changed; the reader says which.

    Args:
        pairs: a picture of each pair.
        changed: "A" or "B" for each pair.
        sheet: a picture of all pairs, for where nobody can choose.
    """

    def __init__(self, pairs: Sequence[Figure], changed: Sequence[str], sheet: Figure) -> None:
        self.pairs, self.changed = [png(pair) for pair in pairs], list(changed)
        self.said: list[str] = []
        self.image = _image(self.pairs[0])
        self.note = widgets.HTML(self._asked())
        self.buttons = [widgets.Button(description=side) for side in ("A", "B")]
        for button in self.buttons:
            button.on_click(lambda pressed: self.choose(pressed.description))
        box = widgets.VBox([self.note, self.image, widgets.HBox(self.buttons)])
        super().__init__(box, png(sheet))

    @property
    def right(self) -> int:
        """How many of the pairs that were answered the reader had right."""
        return sum(map(str.__eq__, self.said, self.changed))

    def choose(self, side: str) -> None:
        """Take an answer, "A" or "B", for the pair that is shown, and show the next one."""
        self.said.append(side)
        if len(self.said) < len(self.pairs):
            self.image.value = self.pairs[len(self.said)]
        else:
            for button in self.buttons:
                button.disabled = True
        self.note.value = self._asked()

    def _asked(self) -> str:
        place, number = len(self.said), len(self.pairs)
        last = ""
        if place:
            found = "right" if self.said[-1] == self.changed[place - 1] else "wrong"
            last = f"{found.capitalize()}, it was {self.changed[place - 1]}. "
        if place == number:
            return f"{last}<b>{self.right} of {number} found; guessing finds {number / 2:g}.</b>"
        return f"{last}Pair {place + 1} of {number}: which image was changed?"
