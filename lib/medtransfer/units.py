"""Units of a perturbation: [-1, 1], in which networks see images, and grey levels of 255."""

GREY_LEVEL = 2 / 255
# A perturbation of whole grey levels must not lose one to float rounding.
ROUNDING = 1e-3


def grey_levels(epsilon: float) -> int:
    """Return how many whole grey levels of 255 fit into epsilon, in units of [-1, 1]."""
    return int(epsilon / GREY_LEVEL + ROUNDING)


def shown(epsilon: float) -> str:
    """Return epsilon as people read it: in units of [-1, 1] and in grey levels."""
    return f"{epsilon:g} ({epsilon / GREY_LEVEL:.2f} grey levels of 255)"
