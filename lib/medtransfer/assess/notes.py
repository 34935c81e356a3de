"""What a reader must know beside the numbers of an assessment."""

from __future__ import annotations

import numpy as np

from medtransfer.assess.setting import Setting
from medtransfer.data.schema import PhantomManifest
from medtransfer.networks.trained import IMAGENET


def of(setting: Setting) -> list[str]:
    """Return sentences, those that weigh most first."""
    said = []
    if isinstance(setting.images, PhantomManifest):
        said.append("The images are phantoms, drawn by code: nothing here is a medical result.")
    made_with = setting.system.development
    if setting.known is None:
        unknown = "Nobody says which images the model was made with"
        if made_with:
            unknown = f"The model was made with images of {', '.join(made_with)}, says its owner"
        said.append(
            f"{unknown}: the attacker's may be among them, so that attackers with images of the "
            "same source may look stronger than they are."
        )
    if setting.public is not None and setting.public.source.manifest in made_with:
        said.append(
            f"The outsider trains on images of {setting.public.source.manifest}, with which the "
            "model was made, says its owner: that is more than an outsider has."
        )
    if setting.architecture is None:
        said.append(
            "Nobody says which architecture the model has: an attacker's may be the same by chance."
        )
    if setting.initialization is None:
        said.append(
            "Nobody says how the model's weights began: attackers who do not know it begin with "
            "public weights, which may be the model's own."
        )
    elif setting.public is not None and setting.initialization == IMAGENET:
        said.append("The outsider begins with public weights, and so did the model.")
    if not setting.system.limits or np.isnan(setting.system.limits).any():
        said.append(
            "Thresholds that the owner does not say were chosen on calibration images, where "
            "sensitivity + specificity is largest."
        )
    if setting.images.group_noun == "image":
        said.append(
            "Nobody says which images belong to one patient: each image counts as one, and "
            "intervals are too narrow if patients have several."
        )
    return said
