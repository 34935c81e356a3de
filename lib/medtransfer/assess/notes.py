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
        unknown = "The target file does not say which images the model was made with"
        if made_with:
            unknown = f"Its owner says that the model was made with {', '.join(made_with)}"
        said.append(
            f"{unknown}: the attacker's may be among them, so that attackers with images of the "
            "same source may look stronger than they are."
        )
    if setting.public is not None and setting.public.source.manifest in made_with:
        said.append(
            f"The outsider trains on images of {setting.public.source.manifest}. The model's owner "
            "says that it was made with them: that is more than an outsider has."
        )
    if setting.architecture is None:
        said.append(
            "The target file does not say which architecture the model has: an attacker's may be "
            "the same by coincidence."
        )
    if setting.initialization is None:
        said.append(
            "The target file does not say how the model was initialized: attackers who do not know "
            "this start from public weights, as the model may have done."
        )
    elif setting.public is not None and setting.initialization == IMAGENET:
        said.append("The outsider starts from public weights, and so did the model.")
    if not setting.system.limits or np.isnan(setting.system.limits).any():
        said.append(
            "Thresholds that the owner does not give were chosen on calibration images, where "
            "sensitivity + specificity is largest."
        )
    if setting.images.group_noun == "image":
        said.append(
            "The manifest does not say which images belong to one patient: each image counts as "
            "one patient, and intervals are too narrow if patients have several."
        )
    return said
