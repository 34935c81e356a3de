"""Training on attacked images, by N-FGSM (de Jorge et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass

from medtransfer.networks.trained import Training


@dataclass(frozen=True, kw_only=True, eq=False)
class NFGSM(Training):
    """A training whose images take one step of size epsilon from a noisy start.

    The start is uniform noise of up to `noise` times epsilon, and the step is not brought back to
    epsilon, so that training images lie up to (noise + 1) times epsilon away. Of the epochs at full
    epsilon the one is kept whose AUC under PGD is best on validation images, unless it fell for
    catastrophic overfitting (see `defences.overfitting`). With an epsilon and an average of 0 the
    weights are those of a plain `Training`, bit for bit.

    Attributes:
        epsilon: in units of [-1, 1].
        ramp: share of the steps over which epsilon grows from 0, as a start that was never
            attacked needs it.
        average: decay of the moving average of the weights that answers; 0 for none.
    """

    epsilon: float
    noise: float = 2.0
    ramp: float = 0.6
    average: float = 0.98

    @property
    def effort(self) -> str:
        return f"training {self.architecture} on attacked images"

    def train(self) -> None:
        """Train the network and publish it (see `defences.hardening`)."""
        from medtransfer.networks.defences import hardening

        hardening.train(self)
