"""Facts of manifests that tests write down."""

from typing import Any

COMMON = {
    "name": "mine",
    "title": "t",
    "licence": "MIT",
    "citation": "c",
    "verified": False,
    "verification": "v",
}


def folder_facts(**changes: Any) -> dict[str, Any]:
    """Return a valid manifest of a local folder with one label, with some fields changed."""
    facts = {
        "kind": "folder",
        **COMMON,
        "domain": "pathology",
        "task": "binary",
        "labels": [{"name": "Tumour", "meaning": "m"}],
        "group_rule": "none",
        "split": {"rule": "seeded"},
        "image": {"channels": 3},
        "images": "images",
        "table": "labels.csv",
        "image_column": "file",
        "group_column": "none",
        "label_columns": ["sick"],
    }
    return {**facts, **changes}
