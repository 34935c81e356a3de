"""The chapter in which a reader attacks one image."""

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as loss

from medtransfer.chapters import OneImage
from medtransfer.chapters import one_image as module
from medtransfer.report import play
from medtransfer.study import plan
from medtransfer.study.factors import FACTORS

pytestmark = pytest.mark.slow


@pytest.fixture
def chapter(in_process, imagenet_files):
    return OneImage("smoke", domain="radiology")


def test_its_networks_are_those_that_the_study_trains_anyway():
    for profile in ("smoke", "default"):
        chapter = OneImage(profile)
        known = {n for name in FACTORS for n in plan.networks(chapter.study, chapter.domain, name)}
        assert {*chapter.surrogates.values(), *chapter.targets.values()} <= known
        assert not {*chapter.surrogates.values()} & {*chapter.targets.values()}


def test_the_five_lines_are_what_the_study_crafts(chapter):
    image, truth = chapter.image(number=3)
    assert image.shape == (1, 1, 32, 32) and truth.shape == (1, 15)
    image.requires_grad_()
    (gradient,) = torch.autograd.grad(loss(chapter.surrogate()(image), truth), image)
    attacked = (image + 0.02 * gradient.sign()).clamp(-1, 1).detach()
    fgsm = module.api.FGSM(epsilon=0.02)
    crafted = module.api.craft(chapter.surrogate(), image.detach(), truth, fgsm)
    torch.testing.assert_close(attacked, crafted)
    assert chapter.show(image, attacked).data.startswith(b"\x89PNG")


def test_the_board_follows_epsilon_and_image(chapter):
    board = chapter.play()
    first = board.image.value
    board.controls["epsilon"].value = 0.05
    moved = board.image.value
    board.controls["number"].value = 1 if board.controls["number"].value == 0 else 0
    assert len({first, moved, board.image.value}) == 3 and board.note.value == ""
    board.controls["epsilon"].value = 0.0
    assert board.note.value == ""


def test_the_first_image_is_one_that_the_attack_turns(chapter):
    right, wrong = np.ones((4, 15), bool), np.zeros((4, 15), bool)
    wrong[[1, 3], [0, 2]] = True
    chapter.__dict__["_flipped"] = right, wrong
    labels = torch.zeros(4, 15)
    chapter.__dict__["_test"] = torch.zeros(4, 1, 32, 32), labels
    assert chapter._first == 1, "no flipped call hides a finding"
    labels[3, 2] = 1
    assert chapter._first == 3, "a hidden finding comes first"
    chapter.__dict__["_flipped"] = right, np.zeros((4, 15), bool)
    assert chapter._first == 0


def test_a_quiz_has_ten_pairs_and_its_answer_stands_beside_ssim(chapter):
    quiz = chapter.quiz(epsilon=0.02)
    assert isinstance(quiz, play.Quiz) and len(quiz.pairs) == len(quiz.changed) == 10
    assert {*quiz.changed} == {"A", "B"}
    unplayed = chapter.answer().data
    assert "You have not looked" in unplayed and ", ".join(quiz.changed) in unplayed
    for side in quiz.changed:
        quiz.choose(side)
    answer = chapter.answer().data
    assert "You found 10 of 10" in answer and "SSIM" in answer


def test_calls_and_similarity_are_those_of_the_last_quiz(chapter):
    chapter.quiz(epsilon=0.02)
    chapter.quiz(epsilon=0.06)
    answer = chapter.answer().data
    right, flipped = chapter._flipped_at(0.06)
    assert answer.startswith("**At epsilon 0.06 ")
    assert f"FGSM flips {flipped.sum()} of {right.sum()} correct calls" in answer


def test_without_a_correct_call_there_is_none_to_flip(chapter):
    nothing = np.zeros((4, 15), bool)
    chapter.__dict__["_flipped"] = nothing, nothing
    answer = chapter.answer().data
    assert "calls none of 4 test images correctly" in answer and "0 of 0" not in answer


def test_without_a_quiz_the_answer_speaks_of_calls_alone(chapter):
    answer = chapter.answer().data
    right, flipped = chapter._flipped
    assert f"flips {flipped.sum()} of {right.sum()} correct calls" in answer
    assert "SSIM" not in answer and not (flipped & ~right).any()
