"""Words by which columns, values and files are recognized, English and German."""

from __future__ import annotations

import re

from medtransfer.data.readers.values import folded
from medtransfer.data.splits import DEVELOPMENT, TEST, TRAIN, VALIDATION

GUESSED, MISSING = "guessed", "to fill in"
"""Marks in manifests that were written from what a folder holds."""

PATIENT = "patient"
# What must stay together -> what one of it is called.
PEOPLE = {
    **dict.fromkeys(("patient", "pat", "patid", "subject", "person", "participant"), PATIENT),
    **dict.fromkeys(("proband", "patientin"), PATIENT),
    **dict.fromkeys(("case", "fall", "fallnummer", "fallnr"), "case"),
    **{noun: noun for noun in ("slide", "lesion", "specimen")},
}
ANYBODY = ("group", "pid", "id")
LABELS = (
    *("label", "labels", "class", "classes", "finding", "findings", "diagnosis", "diagnoses"),
    *("dx", "target", "category", "grade", "level", "severity", "stage"),
    *("befund", "befunde", "diagnose", "diagnosen", "klasse", "kategorie", "grad", "stadium"),
)
NO_LABELS = (
    *("sex", "gender", "male", "female", "age", "side", "laterality", "view", "fold", "split"),
    *("width", "height", "date", "year"),
    *("geschlecht", "alter", "seite", "datum", "jahr", "breite", "höhe"),
)
HEALTHY = (
    *("normal", "negative", "healthy", "benign", "no", "non", "not", "none", "control"),
    *("negativ", "gesund", "unauffällig", "unauffaellig", "gutartig", "kein", "keine", "ohne"),
    *("nein", "normalbefund", "kontrolle"),
)
SETS = {
    TRAIN: ("train", "training", "tr"),
    VALIDATION: ("val", "valid", "validation", "dev", "validierung", DEVELOPMENT),
    TEST: ("test", "testing", "te"),
}
YES_OR_NO = (
    *(("yes", "no"), ("y", "n"), ("positive", "negative"), ("t", "f")),
    *(("ja", "nein"), ("j", "n"), ("positiv", "negativ"), ("wahr", "falsch"), ("pos", "neg")),
)
SIDES = ("left", "right", "links", "rechts", "od", "os", "l", "r")
LONG = 6  # letters: of words that are as long, a longer one is a form or a compound


def words(name: str) -> list[str]:
    """Return the words of a name: "PatientID" and "patient_id" are patient and id."""
    return folded(re.sub(r"(?<=[a-zäöü])(?=[A-ZÄÖÜ])|[_-]", " ", name)).split()


def noun(column: str) -> str | None:
    """Return what is called a patient, case or slide by the name of a column, None if nothing is.

    "Patientennummer" is a patient, "inpatient" is none.
    """
    for word in words(column):
        for known, called in PEOPLE.items():
            if word == known or (len(known) >= LONG and word.startswith(known)):
                return called
    return None


def is_healthy(name: str) -> bool:
    """Return whether a class or finding says that nothing was found."""
    return not {*words(name)}.isdisjoint(HEALTHY)


def count(text: str, known: tuple[str, ...]) -> int:
    """Return how many words of a text begin with known ones: "Abteilung" does not with "lung"."""
    parts = "|".join(map(re.escape, known))
    return len(re.findall(rf"(?<![^\W\d_])(?:{parts})", text.casefold())) if known else 0
