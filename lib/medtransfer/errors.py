"""Mistakes that a user can fix: the command line shows them as a message, without a traceback.

The message says what was wrong, what was allowed, and what to do. Any other exception, such as a
plain ValueError, is a fault of this project and keeps its traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class MedtransferError(Exception):
    """A mistake that a user can fix."""


class UsageError(MedtransferError):
    """A command was asked for something that does not exist or does not fit."""


class ManifestError(MedtransferError):
    """A manifest or profile cannot be used; the message names the file, the field, what fits."""


class SourceError(MedtransferError):
    """Files of a source are missing or do not fit its manifest; the message names them."""


class DicomError(SourceError):
    """A DICOM file holds no picture that can be used."""


class FetchError(MedtransferError):
    """A file cannot be fetched, or is not what its manifest says."""


class SplitError(MedtransferError):
    """A source of images cannot be divided as the study needs."""


class WeightsError(MedtransferError):
    """Weights are missing, have another checksum, or do not fit the network."""


class KerasError(WeightsError):
    """A Keras file cannot be read safely, or does not fit the network."""


class ImportedError(MedtransferError):
    """An imported network is missing, or is not the expected one."""


class TargetError(MedtransferError):
    """A model cannot be opened or used as its target file says."""


class TrainingError(MedtransferError):
    """A training cannot give a usable network."""


class AttackError(MedtransferError):
    """An attack cannot be crafted as asked."""


class SanityError(MedtransferError):
    """A result is impossible, so the numbers of the run cannot be trusted."""


class StoreError(MedtransferError):
    """A result is missing, cannot be written, or is not what its directory says."""


class ComputeError(MedtransferError):
    """Some results could not be computed; the message names each, everything else is stored."""


class ClusterError(MedtransferError):
    """The cluster cannot do the work; no unit is to blame, and finished work is stored."""


class ExecutionError(MedtransferError):
    """A notebook failed; the message names it and the path of its broken copy."""


class ReportError(MedtransferError):
    """There is nothing to report on yet; the message says what to run."""


def meant(name: str, known: Iterable[str]) -> str:
    """Return "; is NAME meant?" with the known name that is most like one given, "" if none is."""
    near = get_close_matches(name, [*known], n=1)
    return f"; is {near[0]} meant?" if near else ""
