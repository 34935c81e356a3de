"""The table of claims as Markdown, and as the README quotes it."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from medtransfer import paths
from medtransfer.errors import ReportError
from medtransfer.report import verdicts

CLAIMS = """claim,says,domain,value,low,high,p,pairs,unit,null,least,p_holm,verdict
C1,pre-training,radiology,31.2,20,42,0.001,9,points of clean AUC,0,2,0.01,supported
C1,pre-training,all domains,30.4,25,35,0.001,18,points of clean AUC,0,2,0.01,supported
C2,the <larger>,all domains,0.43,-0.1,0.8,0.2,12,rank correlation,0,0.2,0.4,undecided
"""


def test_every_claim_has_a_row_and_every_domain_a_column() -> None:
    lines = verdicts.as_markdown(pd.read_csv(io.StringIO(CLAIMS))).splitlines()
    assert lines[0] == "| | radiology | all domains |"
    assert lines[2] == (
        "| **C1** pre-training | supported<br>31 (20 to 42) | supported<br>30 (25 to 35) |"
    )
    assert lines[3] == "| **C2** the <larger> |  | undecided<br>0.43 (-0.10 to 0.80) |"


def test_without_a_synthesis_the_message_says_what_to_run() -> None:
    assert verdicts.read("smoke") is None
    with pytest.raises(ReportError, match="make reproduce PROFILE=smoke"):
        verdicts.needed("smoke")


def test_the_readme_quotes_the_committed_figures() -> None:
    claims = pd.read_csv(paths.REPOSITORY / "figures" / "90_claims.csv")
    readme = (paths.REPOSITORY / "README.md").read_text()
    if verdicts.as_markdown(claims) not in readme:
        pytest.fail("README.md: replace the table by that of `medtransfer verdicts` of the profile")
