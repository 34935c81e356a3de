"""How visible a perturbation is: maximum, RMS, PSNR and SSIM, image by image."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from medtransfer.attacks.perceptibility import MEASURES, perceptibility


def pair(*, seed=0, size=0.05, number=3, channels=1):
    generator = torch.Generator().manual_seed(seed)
    smooth = torch.rand(number, channels, 6, 6, generator=generator)
    clean = torch.nn.functional.interpolate(smooth, size=32, mode="bilinear") * 1.6 - 0.8
    noise = (torch.rand(clean.shape, generator=generator) * 2 - 1) * size
    return clean, clean + noise


@given(st.integers(0, 100), st.floats(0.005, 0.15), st.sampled_from([1, 3]))
def test_measures_agree_with_the_reference(seed, size, channels):
    clean, moved = pair(seed=seed, size=size, channels=channels)
    found = perceptibility(clean, moved)
    assert set(found) == set(MEASURES)
    for k in range(3):
        a, b = (x[k].double().numpy() for x in (clean, moved))
        assert found["max"][k] == pytest.approx(np.abs(a - b).max(), rel=1e-4)
        assert found["rms"][k] == pytest.approx(np.sqrt(((a - b) ** 2).mean()), rel=1e-4)
        psnr = peak_signal_noise_ratio(a, b, data_range=2.0)
        assert found["psnr"][k] == pytest.approx(psnr, rel=1e-4)
        how = {"gaussian_weights": True, "use_sample_covariance": False, "full": True}
        _, local = structural_similarity(a, b, data_range=2.0, channel_axis=0, **how)
        # Both mean over the whole image; they repeat its border in different ways.
        assert found["ssim"][k] == pytest.approx(local.mean(), abs=0.01)


def test_equal_images_are_not_told_apart():
    clean, _ = pair()
    found = perceptibility(clean, clean.clone())
    assert found["max"].tolist() == found["rms"].tolist() == [0, 0, 0]
    assert torch.isinf(found["psnr"]).all()
    torch.testing.assert_close(found["ssim"], torch.ones(3))


@pytest.mark.parametrize("number", [1, 2, 5])
def test_there_is_one_number_for_each_image(number):
    found = perceptibility(*pair(number=number))
    assert all(values.shape == (number,) for values in found.values())


def test_a_larger_perturbation_is_more_visible():
    small, large = (perceptibility(*pair(size=size)) for size in (0.02, 0.1))
    assert (large["max"] > small["max"]).all() and (large["rms"] > small["rms"]).all()
    assert (large["psnr"] < small["psnr"]).all() and (large["ssim"] < small["ssim"]).all()


def test_an_image_is_measured_the_same_in_any_batch():
    clean, moved = pair(number=5)
    whole, alone = perceptibility(clean, moved), perceptibility(clean[2:3], moved[2:3])
    for name in MEASURES:
        torch.testing.assert_close(whole[name][2:3], alone[name])
