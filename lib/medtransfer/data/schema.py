"""What a manifest may say: the facts of one source of images.

Each kind of source that is read from files is described beside its reader, in a module of
`readers`; manifests of networks, in `weights`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from medtransfer import paths, phantoms
from medtransfer.data.files import File, Inside, Strict
from medtransfer.domains import DOMAINS

if TYPE_CHECKING:
    from medtransfer.data.readers.reader import Reader


def _one_of(what: str, allowed: Callable[[], Iterable[str]]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in (names := tuple(allowed())):
            raise ValueError(f"no {what} is called {value!r}; allowed: {', '.join(names)}")
        return value

    return AfterValidator(check)


DomainName = Annotated[str, _one_of("domain", lambda: DOMAINS)]
Drawing = Annotated[str, _one_of("drawing", phantoms.drawings)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Frame = Literal["first", "middle"] | Annotated[int, Field(ge=1, strict=True)]


# The index of a source has these columns beside one for each label.
RESERVED = ("image", "group", "split", "source", "pixels")
SHOWN = 5  # things of a list in a message


class Label(Strict):
    """One output of the networks.

    Attributes:
        name: what tables, figures and sentences call it.
        meaning: what a positive means, in words.
    """

    name: str
    meaning: str


class Image(Strict):
    """Geometry and value range of the images as they are stored.

    Attributes:
        channels: 1 for grey images, 3 for colours.
        values: value range of the stored pixels.
        fit: how an image becomes square: "exact" (it must be square), "crop" (centre crop) or
            "pad" (black borders).
        centre: share of the square's side that is kept, from its centre.
        frame: which picture is meant in files that hold several frames or pages, counted from 1;
            None: files must hold one.
    """

    channels: Literal[1, 3]
    values: Literal["uint8 0-255"] = "uint8 0-255"
    fit: Literal["exact", "crop", "pad"] = "exact"
    centre: Annotated[float, Field(gt=0, le=1)] = 1.0
    frame: Annotated[Frame | None, Field(exclude_if=lambda frame: frame is None)] = None


class Split(Strict):
    """Where test and development sets come from.

    "seeded": groups are divided by the study's seed. "column": the table's `column` holds, for
    every image, `test` or a list such as `d1:train;d1/10:train`; images without an entry are left
    out, and sets that the column does not name are drawn from their parents. "official": the
    source names its test images, and the development sets are drawn from the others. "published":
    files of the source name every set.

    Attributes:
        rule: one of the rules above.
        column: the name of the column, with rule "column" and only then.
    """

    rule: Literal["seeded", "column", "official", "published"]
    column: str | None = None

    @model_validator(mode="after")
    def _column_is_named(self) -> Split:
        if (self.rule == "column") != (self.column is not None):
            raise ValueError('split.column is needed with rule "column", and only then')
        return self


class Manifest(Strict):
    """What every manifest states, whatever its kind.

    Attributes:
        kind: the kind of manifest, which decides the other fields.
        name: what commands and files call it: letters, digits, `_`, `.` and `-`.
        title: what sentences and pages call it.
        addresses: where to find it.
        licence: the licence under which it may be used, in words.
        citation: what to cite.
        verified: whether somebody has checked the facts.
        verification: what was checked and how, or what was not.
    """

    name: Name
    title: str
    addresses: tuple[str, ...] = ()
    licence: str
    citation: str
    verified: bool
    verification: str


def numbered(number: int, noun: str) -> str:
    """Return a number of things in words: "1 image", "1,600 images", "3 biopsies"."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a noun: "images", "biopsies"."""
    consonant_y = noun[-1:] == "y" and noun[-2:-1] not in "aeiou"
    return f"{noun[:-1]}ies" if consonant_y else f"{noun}s"


def listed(things: Iterable[object], between: str = ", ") -> str:
    """Return the first few of some things in words: "a, b, c, d, e and 2 more"."""
    said = [*map(str, things)]
    more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return f"{between.join(said[:SHOWN])}{more}"


class ImageFacts(Manifest):
    """What every source of images states.

    Attributes:
        domain: the domain of the images.
        task: whether there is one label or several.
        labels: the outputs of the networks, in order.
        group_rule: how images are put into groups, which are never divided between sets, in words.
        group_noun: what a group is, in the singular: patient, slide, eye; or image, if
            nothing says which images belong together. A folder may leave it out.
        split: where test and development sets come from.
        image: how the images become square, and their channels.
    """

    domain: DomainName
    task: Literal["binary", "multi-label"]
    labels: Annotated[tuple[Label, ...], Field(min_length=1)]
    group_rule: str
    group_noun: Annotated[str, Field(min_length=1)]
    split: Split
    image: Image

    @model_validator(mode="after")
    def _labels_fit_the_task(self) -> ImageFacts:
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError("labels: every name may appear only once")
        if taken := [name for name in names if name.strip() in RESERVED or not name.strip()]:
            raise ValueError(
                f"labels: no label can be called {', '.join(map(repr, taken))}: the index has "
                f"columns of its own, {', '.join(RESERVED)}. Its column in your table may be"
            )
        if self.task == "binary" and len(names) != 1:
            raise ValueError(f"labels: a binary task has one label, not {len(names)}")
        return self

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the outputs, in order."""
        return tuple(label.name for label in self.labels)

    def counted(self, *, images: int, groups: int) -> str:
        """Return the numbers in words: "1,600 images of 400 patients", or "1,600 images"."""
        found = numbered(images, "image")
        if self.group_noun == "image":
            return found
        return f"{found} of {numbered(groups, self.group_noun)}"


class PhantomManifest(ImageFacts):
    """Images drawn by code.

    Attributes:
        drawing: which phantom is drawn.
        look_for: what to look for in its images.
    """

    kind: Literal["phantom"]
    drawing: Drawing
    look_for: str = ""


class FileManifest(ImageFacts):
    """Images that are read from files."""

    def folder(self, manifest: Path) -> Path:
        """Return the folder of its files, given the path of the manifest."""
        return paths.data() / self.name

    @abstractmethod
    def reader(self, *, root: Path, image_px: int) -> Reader[Any]:
        """Return what reads its images from the files in `root`, at `image_px`."""


class Published(FileManifest):
    """A published source of images, whose files lie in a folder of its name.

    Attributes:
        files: its files; images in folders of their own are not listed.
        folders: the folders of images, if there are any.
        by_hand: the steps that only the user can take (an account, a licence to accept).
        caveats: what readers of the results must know.
        counts: development set and part ("d1:train", "test", "all") -> "images", "groups" or a
            label -> how many there must be.
    """

    files: Annotated[tuple[File, ...], Field(min_length=1)]
    folders: tuple[Inside, ...] = ()
    by_hand: str = ""
    caveats: tuple[str, ...] = ()
    counts: dict[str, dict[str, int]] = Field(default_factory=dict)

    def files_for(self, image_px: int) -> tuple[File, ...]:
        """Return the files that images of `image_px` need.

        Where files hold one size each, those of the smallest that is large enough are needed.
        """
        sizes = sorted({file.image_px for file in self.files if file.image_px is not None})
        chosen = next((size for size in sizes if size >= image_px), sizes[-1] if sizes else None)
        return tuple(file for file in self.files if file.image_px in (None, chosen))
