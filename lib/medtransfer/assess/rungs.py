"""The ladder: what an attacker knows, rung by rung, in words and in terms of three catalogues."""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC, ASKED, ATTACKER = "public", "asked", "attacker"
DEVELOPMENT, TARGET = "development", "target"


@dataclass(frozen=True)
class Rung:
    """One state of knowledge.

    Attributes:
        number: from 1, the least.
        identifier: what files and options call it.
        name: what people call it.
        who: the attacker, in a sentence.
        images: whose images the surrogates are trained on: public ones, the attacker's own of the
            target's source, with labels or labelled by asking the target, or the target's
            development set; or the target itself is there.
        same_architecture: whether surrogates have the target's architecture.
        same_start: whether they begin with the target's initial weights; None: as anyone would,
            with public ones.
        knows: what such an attacker has to know or to have.
        owasp: the term of the OWASP AI Exchange.
        nist: that of NIST AI 100-2.
        atlas: techniques of MITRE ATLAS.
    """

    number: int
    identifier: str
    name: str
    who: str
    images: str
    same_architecture: bool
    same_start: bool | None
    knows: str
    owasp: str
    nist: str
    atlas: tuple[str, ...]


_DATA, _MODELS = "AML.T0002.000 Datasets", "AML.T0002.001 Models"
_PROXY = "AML.T0005.000 Train Proxy via Gathered AI Artifacts"
_TRANSFER = "AML.T0043.002 Black-Box Transfer"
_FAMILY = "AML.T0014 Discover AI Model Family"
_PARTIAL, _GREY = "evasion with partial knowledge", "grey box, transferability"

RUNGS = (
    Rung(
        1,
        "outsider",
        "Outsider",
        "an outsider with public images of another source",
        images=PUBLIC,
        same_architecture=False,
        same_start=None,
        knows="What the system is for. Trains on images of another, public source, with another "
        "architecture, from public weights.",
        owasp="transferability-based evasion",
        nist="black box, transferability",
        atlas=(_DATA, _MODELS, _PROXY, _TRANSFER),
    ),
    Rung(
        2,
        "asking",
        "Asks the system",
        "an attacker with images of the same source who has the system label them",
        images=ASKED,
        same_architecture=False,
        same_start=False,
        knows="Images of other patients from the same source, without labels: the system is asked "
        "what it calls on each. Another architecture, initialized differently from the target.",
        owasp="transferability-based evasion, by a replica of the model",
        nist="black box, queries and transferability",
        atlas=(
            _DATA,
            "AML.T0040 AI Model Inference API Access",
            "AML.T0005.001 Train Proxy via Replication",
            _TRANSFER,
        ),
    ),
    Rung(
        3,
        "source",
        "Same source",
        "an attacker with images of the same source",
        images=ATTACKER,
        same_architecture=False,
        same_start=False,
        knows="Labelled images of other patients from the same source. Another architecture, "
        "initialized differently from the target.",
        owasp=_PARTIAL,
        nist=_GREY,
        atlas=(_DATA, _PROXY, _TRANSFER),
    ),
    Rung(
        4,
        "architecture",
        "+ architecture",
        "an attacker with images of the same source who knows the architecture",
        images=ATTACKER,
        same_architecture=True,
        same_start=False,
        knows="Such images, and the target's architecture, but initialized differently.",
        owasp=_PARTIAL,
        nist=_GREY,
        atlas=(_DATA, _PROXY, _FAMILY, _TRANSFER),
    ),
    Rung(
        5,
        "initialization",
        "+ initialization",
        "an attacker with images of the same source who knows architecture and initialization",
        images=ATTACKER,
        same_architecture=True,
        same_start=True,
        knows="Such images, the architecture, and how the target was initialized.",
        owasp=_PARTIAL,
        nist=_GREY,
        atlas=(_DATA, _MODELS, _PROXY, _FAMILY, _TRANSFER),
    ),
    Rung(
        6,
        "development",
        "+ development data",
        "an attacker with the images that the system was made with",
        images=DEVELOPMENT,
        same_architecture=True,
        same_start=True,
        knows="The images and labels that the target was made with, its architecture and "
        "its initialization; only the training differs.",
        owasp=_PARTIAL,
        nist=_GREY,
        atlas=(_DATA, _MODELS, _PROXY, _FAMILY, _TRANSFER),
    ),
    Rung(
        7,
        "white_box",
        "White box",
        "an attacker who has the system itself (white box)",
        images=TARGET,
        same_architecture=True,
        same_start=True,
        knows="The target itself, with its weights.",
        owasp="evasion with perfect knowledge",
        nist="white box",
        atlas=("AML.T0044 Full AI Model Access", "AML.T0043.000 White-Box Optimization"),
    ),
)
"""The rungs are one path through the grid of three facts: images, architecture, initialization."""

CONTRASTS = (
    ("labels of one's own, in place of the system's calls", "source", "asking"),
    ("architecture", "architecture", "source"),
    ("initialization", "initialization", "architecture"),
    ("architecture and initialization", "initialization", "source"),
    ("development data", "development", "initialization"),
)
"""What is asked of pairs of rungs: name of the knowledge, the rung with it, the rung without it."""
