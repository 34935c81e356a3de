"""A fragment of a CycloneDX document (ML-BOM): the results as the model card of the system."""

from __future__ import annotations

from typing import Any

from medtransfer.assess.document import Assessment

SPECIFICATION = "1.6"


def fragment(found: Assessment) -> dict[str, Any]:
    """Return a CycloneDX document with the system as its one component.

    Its performance metrics are the clean AUC of each finding, and for each rung the share of
    correct calls that are changed at the headline budget, all with their 95 % intervals.
    """
    metrics = [_metric("AUC", each.auc, each.low, each.high, each.finding) for each in found.clean]
    metrics += [
        _metric(
            f"correct calls changed at {found.headline} grey levels of 255",
            at.share,
            at.low,
            at.high,
            f"attacker: {rung.name}; verdict: {rung.verdict}",
        )
        for rung in found.rungs
        for at in rung.overall
        if at.budget == found.headline
    ]
    component: dict[str, Any] = {
        "type": "machine-learning-model",
        "name": found.system.name,
        "description": found.system.title,
        "modelCard": {
            "quantitativeAnalysis": {
                "performanceMetrics": [each for each in metrics if each is not None]
            },
            "considerations": {"technicalLimitations": list(found.notes)},
        },
    }
    if len(found.system.sha256) == 64:
        component["hashes"] = [{"alg": "SHA-256", "content": found.system.sha256}]
    return {"bomFormat": "CycloneDX", "specVersion": SPECIFICATION, "components": [component]}


def _metric(
    kind: str, value: float | None, low: float | None, high: float | None, part: str
) -> dict[str, Any] | None:
    if value is None:
        return None
    found: dict[str, Any] = {"type": kind, "value": f"{value:.4f}", "slice": part}
    if low is not None and high is not None:
        found["confidenceInterval"] = {"lowerBound": f"{low:.4f}", "upperBound": f"{high:.4f}"}
    return found
