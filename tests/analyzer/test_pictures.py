"""Where a record draws when it is not told, and states as pictures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from canns.analyzer.pictures import axes_or_new, draw_state, picture_shape


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")


def test_the_axes_given_are_taken():
    left = plt.subplots(1, 2)[1][0]
    assert axes_or_new(left) is left


def test_the_present_axes_are_taken_if_they_are_empty():
    left, right = plt.subplots(1, 2)[1]
    assert axes_or_new() is right
    plt.sca(left)
    assert axes_or_new() is left


def test_a_figure_without_axes_is_drawn_on():
    figure = plt.figure(figsize=(3, 2))
    assert axes_or_new().figure is figure


@pytest.mark.parametrize("draw", [lambda ax: ax.plot([0, 1]), lambda ax: ax.imshow(np.eye(2))])
def test_axes_with_a_picture_are_left_alone(draw):
    used = plt.subplots()[1]
    draw(used)
    new = axes_or_new()
    assert new is not used
    assert new.figure is not used.figure


def test_without_a_figure_one_is_made():
    assert not plt.get_fignums()
    axes_or_new()
    assert len(plt.get_fignums()) == 1


def test_a_state_is_drawn_row_by_row_from_black_to_white():
    ax = plt.subplots()[1]
    image = draw_state(ax, [1, -1, 1, -1, 1, -1], (2, 3))
    assert np.asarray(image.get_array()).tolist() == [[1, -1, 1], [-1, 1, -1]]
    assert image.get_clim() == (-1, 1)
    assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0


@pytest.mark.parametrize(("size", "shape"), [(15, None), (16, (3, 5))])
def test_a_picture_that_does_not_hold_all_neurons_is_refused(size, shape):
    with pytest.raises(ValueError, match=f"{size} neurons"):
        picture_shape(size, shape)
