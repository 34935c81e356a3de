"""A surrogate of which one finding matters."""

import dataclasses

import numpy as np
import torch

from medtransfer.data.datamodule import to_unit
from medtransfer.networks import stored
from medtransfer.networks.aimed import Aimed
from medtransfer.scoring import transfer


def test_it_answers_one_finding_and_has_the_gradient_of_no_other(
    toy, publish_images, tiny_architectures
):
    labels = ("Mass", "Edema", "Nodule")
    source = toy.source(labels=labels)
    pictures = to_unit(np.asarray(publish_images(source).images[:4]))
    inner = toy.training(development=toy.development(source=source))
    type(inner).make([inner])
    with torch.no_grad():
        plain = stored.load(inner)(pictures)
    for k, name in enumerate(labels):
        aimed = Aimed(development=inner.development, inner=inner, finding=name)
        module = transfer.surrogates(toy.attack(aimed))
        taken = pictures.clone().requires_grad_(True)
        given = module(taken)
        torch.testing.assert_close(given[:, k], plain[:, k], atol=1e-4, rtol=1e-4)
        others = [column for column in range(len(labels)) if column != k]
        assert not given[:, others].any()
        whole = torch.autograd.grad(given.sum(), taken, retain_graph=True)[0]
        own = torch.autograd.grad(given[:, k].sum(), taken)[0]
        torch.testing.assert_close(whole, own)
        assert aimed.seen == inner.seen
        assert dataclasses.replace(aimed, finding="another").key != aimed.key
