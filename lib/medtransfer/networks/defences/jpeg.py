"""Images saved as JPEG and opened again (Dziugaite, Ghahramani and Roy 2016)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.networks.defences.front import Transformed

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class JPEG(Transformed):
    """The network `inner` behind JPEG of a `quality` from 1 to 100; gradients pass it unchanged."""

    quality: int

    def transform(self, images: Tensor) -> Tensor:
        """Return the images as the JPEG file gives them back, rounded to grey levels before it."""
        import numpy as np
        import torch

        grey = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        files = [self._saved(each) for each in grey.permute(0, 2, 3, 1).cpu().numpy()]
        found = torch.from_numpy(np.stack(files)).permute(0, 3, 1, 2).to(images)
        return (found / 127.5 - 1).contiguous(memory_format=torch.channels_last)

    def _saved(self, image: np.ndarray) -> np.ndarray:
        """Return an image, uint8 (H, W, C), as its file gives it back."""
        import numpy as np
        from PIL import Image

        file = io.BytesIO()
        grey = image.shape[-1] == 1
        Image.fromarray(image[..., 0] if grey else image).save(file, "JPEG", quality=self.quality)
        return np.asarray(Image.open(file)).reshape(image.shape)
