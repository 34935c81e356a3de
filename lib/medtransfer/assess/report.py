"""The report as files: a page that opens from a folder, the document, its schema, a model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medtransfer.assess import modelcard, pictures, sentences, verdicts
from medtransfer.assess.document import VERSION, Assessment
from medtransfer.errors import ReportError
from medtransfer.report import html

TEMPLATES = Path(__file__).parent / "templates"
DOCUMENT, SCHEMA, CARD = "assessment.json", "assessment.schema.json", "modelcard.cdx.json"


def write(found: Assessment, folder: Path) -> Path:
    """Write the report of an assessment into a folder; return its page.

    The folder then holds `index.html` with its pictures, `assessment.json` with its JSON schema,
    and `modelcard.cdx.json`, a fragment of CycloneDX. Pictures of examples stay as they are.
    """
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / DOCUMENT, found.model_dump(mode="json"))
    _write_json(folder / SCHEMA, Assessment.model_json_schema(mode="serialization"))
    _write_json(folder / CARD, modelcard.fragment(found))
    if any(rung.overall for rung in found.rungs):
        figure = pictures.curve(found)
        figure.savefig(folder / pictures.CURVE, dpi=150, metadata={"Software": None})
        plt.close(figure)
    page = folder / "index.html"
    page.write_text(rendered(found), encoding="utf-8")
    return page


def read(folder: Path) -> Assessment:
    """Return the assessment that a folder holds.

    Raises:
        ReportError: there is none, or it is none of this version.
    """
    path = folder / DOCUMENT
    try:
        return Assessment.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReportError(f"{path}: not there; `medtransfer assess run` writes it") from None
    except (ValidationError, UnicodeDecodeError) as error:
        first = str(error).splitlines()
        raise ReportError(
            f"{path}: no assessment of schema version {VERSION}: {' '.join(first[1:3]) or error}; "
            "run `medtransfer assess run` again"
        ) from None


def rendered(found: Assessment) -> str:
    """Return the page of an assessment, HTML that needs no network."""
    from jinja2 import Environment, FileSystemLoader

    places = [TEMPLATES, html.TEMPLATES / html.NAME]
    environment = Environment(
        loader=FileSystemLoader(places), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    said: dict[str, Any] = {name: getattr(sentences, name) for name in _SAID}
    return environment.get_template("assessment.html.j2").render(
        a=found,
        curve=pictures.CURVE if any(rung.overall for rung in found.rungs) else "",
        least_patients=verdicts.LEAST_PATIENTS,
        turned=verdicts.TURNED,
        summary=sentences.summary(found),
        penetration_test=sentences.penetration_test(found),
        **said,
    )


_SAID = (
    *("share", "decimals", "points", "levels", "questions", "overall", "at_threshold"),
    *("CLASSES", "SHORT"),
    *("MITIGATIONS", "OUTSIDE", "EXPIRY", "CROSSWALK"),
)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
