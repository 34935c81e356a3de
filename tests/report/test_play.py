"""Pictures that move with their controls, and stand still where there is no kernel."""

import base64

import ipywidgets as widgets
import numpy as np
import pytest
from matplotlib.figure import Figure

from medtransfer.report import play
from medtransfer.report.figures.attack import Answer, attacked, side_by_side

PNG = b"\x89PNG"


def drawn(shade):
    figure = Figure(figsize=(1, 1))
    figure.set_facecolor(str(shade))
    return figure


@pytest.fixture
def board():
    return play.Board(drawn, {"shade": widgets.FloatSlider(value=0.2, max=1)})


def test_a_board_draws_what_its_controls_say(board):
    first = board.image.value
    board.controls["shade"].value = 0.8
    assert board.image.value == play.png(drawn(0.8)) != first
    board.controls["shade"].value = 0.2
    assert board.image.value == first


def test_what_cannot_be_drawn_is_said_and_the_next_one_is_drawn(board):
    board.draw = lambda shade: drawn(shade) if shade < 0.5 else drawn(1 / 0)
    board.controls["shade"].value = 0.9
    assert "division by zero" in board.note.value
    board.controls["shade"].value = 0.4
    assert board.note.value == "" and board.image.value == play.png(drawn(0.4))


def test_without_a_kernel_the_first_picture_stands_for_the_widgets(board):
    shown = board._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    first = base64.b64decode(shown["image/png"])
    board.controls["shade"].value = 0.9
    assert first.startswith(PNG) and first != board.image.value


def test_a_quiz_counts_what_was_right_and_ends():
    shades, changed = [0.1, 0.2, 0.3], ["A", "B", "A"]
    quiz = play.Quiz([drawn(shade) for shade in shades], changed, drawn(1))
    for number, side in enumerate("BBA"):
        assert quiz.image.value == play.png(drawn(shades[number]))
        quiz.buttons["AB".index(side)].click()
    assert quiz.right == 2
    assert "2 of 3 found; guessing finds 1.5" in quiz.note.value
    assert all(button.disabled for button in quiz.buttons)


def test_the_picture_of_an_attack_says_what_each_network_calls():
    clean = np.zeros((8, 8, 1))
    answers = {"the surrogate": Answer(0.9, 0.2, 0.5), "the target": Answer(0.9, 0.7, 0.5)}
    figure = attacked(clean, clean + 0.02, answers=answers, question="Mass", truth=True)
    texts = [t.get_text() for part in figure.subfigs for axis in part.axes for t in axis.texts]
    assert texts == [
        "the surrogate: 0.90, attacked 0.20, not called",
        "the target: 0.90, attacked 0.70, called",
    ]
    titles = [axis.get_title() for axis in figure.subfigs[0].axes]
    assert titles == ["clean", "perturbation, amplified 50 times", "attacked"]
    assert play.png(side_by_side(clean, clean)).startswith(PNG)
