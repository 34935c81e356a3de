"""What a target file says of a model, as it was understood, for the check."""

from __future__ import annotations

from medtransfer.assess.bring import Model


def model(model: Model) -> str:
    """Return which model it is."""
    said = f"{model.target.title}: {model.path}, by the door {model.door}"
    return f"{said}\nsha256: {model.sha256}" if model.sha256 else said


def taken(model: Model, *, scaled: bool) -> str:
    """Return what the model takes, and what of it the target file leaves to its default.

    Args:
        scaled: whether it gets numbers made of the grey levels, and not the grey levels themselves.
    """
    contract, own = model.contract, model.target.input
    height, width = contract.size
    colour = "grey" if contract.channels == 1 else f"colour, {contract.colours}"
    said = [("size", f"{height} x {width} px"), ("colours", colour)]
    if scaled:
        said += [
            ("range", f"range {_listed((contract.low, contract.high))}"),
            ("mean", f"mean {_listed(contract.mean)}"),
            ("std", f"std {_listed(contract.std)}"),
        ]
    unsaid = set() if own is None else {name for name, _ in said} - own.model_fields_set
    if contract.channels == 1:
        unsaid -= {"colours"}  # there is no order
    parts = [f"{what} (default)" if name in unsaid else what for name, what in said]
    source = "as the model itself says" if own is None else "as understood"
    return f"input, {source}: {', '.join(parts)}"


def _listed(numbers: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{each:g}' for each in numbers)}]" if numbers else "none"
