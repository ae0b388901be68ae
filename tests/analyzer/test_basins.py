"""Basins: the radius and the errors of a curve, what a measurement leaves alone and refuses."""

import re

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest

from canns.analyzer import Basins, flip, measure_basins, settle
from canns.models.brain_inspired import AmariHopfieldNetwork, DenseAssociativeMemory
from canns.stimuli import random_patterns
from canns.trainer import DenseTrainer, HebbianTrainer

both_ways = pytest.mark.parametrize("asyn", [False, True], ids=["together", "in turns"])


@pytest.fixture(scope="module")
def small():
    """Six memories of 60 neurons."""
    return random_patterns(6, 60, seed=3)


def trained(patterns, asyn=False):
    trainer = HebbianTrainer(AmariHopfieldNetwork(60, asyn=asyn))
    trainer.train(patterns)
    return trainer


@pytest.fixture(scope="module")
def tiny(small):
    return trained(small).model


@pytest.fixture(scope="module")
def curve():
    """A curve that falls from one over 3/4 to 1/4."""
    ends = np.array([[1.0] + [0] * 4, [0.75] + [0] * 4, [0.25] + [0] * 4])
    return Basins(np.array([0.0, 0.2, 0.4]), ends, 4, 0.1)


def test_the_radius_is_where_the_curve_crosses_one_half(curve):
    assert np.isclose(curve.radius, 0.3)
    assert "radius 0.300" in repr(curve)


def test_the_error_is_that_of_independent_trials(curve):
    np.testing.assert_allclose(curve.error, [0, np.sqrt(0.1875 / 4), np.sqrt(0.1875 / 4)])


def test_a_curve_that_never_falls_has_no_radius(curve):
    never = Basins(curve.noise, np.ones((3, 5)), 4, 0.1)
    assert np.isnan(never.radius)
    assert "> 0.4" in repr(never)


def test_a_curve_that_starts_low_has_the_radius_zero(curve):
    assert Basins(curve.noise, np.zeros((3, 5)), 4, 0.1).radius == 0


def test_a_curve_is_drawn_on_the_axes_given(curve):
    fig, axes = plt.subplots(1, 2)
    assert curve.plot(axes[0]) is axes[0]
    assert curve.plot_ends(axes[1]) is axes[1]
    plt.close(fig)


@both_ways
def test_a_trainer_is_measured_as_its_model_is(small, asyn):
    trainer = trained(small, asyn)
    first = measure_basins(trainer, small, [0.1, 0.45, 0.5], 30, seed=1, show_progress=False)
    second = measure_basins(trainer.model, small, [0.1, 0.45, 0.5], 30, seed=1)
    np.testing.assert_array_equal(first.ends, second.ends)


@both_ways
def test_measuring_leaves_model_and_history_as_they_were(small, asyn):
    trainer = trained(small, asyn)
    boxes = (trainer.model.W, trainer.model.s, trainer.model.key)
    history, before = trainer.history, [box.value for box in boxes]
    measure_basins(trainer, small, [0.1, 0.45, 0.5], 30, seed=1)
    assert trainer.history is history
    assert all(box.value is value for box, value in zip(boxes, before, strict=True))


@both_ways
def test_cues_that_say_nothing_end_in_other_memories_negatives_and_mixtures(small, asyn):
    model = trained(small, asyn).model
    assert (measure_basins(model, small, [0.5], 200, seed=2).ends[0, 1:4] > 0).all()


def test_another_seed_gives_another_measurement(tiny, small):
    third, fourth = (measure_basins(tiny, small, [0.45], 200, seed=seed).ends for seed in (3, 4))
    assert not np.array_equal(third, fourth)


def test_half_of_a_single_memory_flipped_ends_in_a_cycle(small):
    single = trained(small[:1]).model
    _, history = settle(single, flip(small[:1], 0.5, jax.random.key(0)))
    assert history.cycle.all()  # as the solution of an exercise says


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda model, xi: measure_basins(AmariHopfieldNetwork(60), xi), "train first"),
        (lambda model, xi: measure_basins(model, xi[:, 1:]), "(60,)"),
        (lambda model, xi: measure_basins(model, 0.5 * xi), "+1 and -1"),
    ],
)
def test_patterns_that_do_not_fit_the_model_are_refused(tiny, small, question, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        question(tiny, small)


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        ([0.1, 0.6], "0 to 0.5"),
        ([-0.1], "0 to 0.5"),
        ([0.3, 0.1], "rising"),
        ([], "0 to 0.5"),
        ([np.nan], "0 to 0.5"),
    ],
)
def test_noise_levels_that_do_not_rise_from_0_to_one_half_are_refused(tiny, small, noise, words):
    with pytest.raises(ValueError, match=words):
        measure_basins(tiny, small, noise)


@pytest.mark.parametrize(
    ("option", "value"), [("trials", 0), ("seed", -1), ("num_iter", -1), ("threshold", 0.3)]
)
def test_an_option_out_of_range_is_named_before_anything_runs(
    tiny, small, option, value, monkeypatch
):
    monkeypatch.setattr("canns.analyzer.basins.settle", lambda *_: pytest.fail("it runs"))
    with pytest.raises(ValueError, match=option):
        measure_basins(tiny, small, **{option: value})


@pytest.mark.parametrize("share", [2.7, -0.1, np.nan, [0.1, np.nan]])
def test_a_share_of_flips_that_is_none_is_refused(small, share):
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        flip(small, share, jax.random.key(0))


def test_flips_are_exact_also_in_a_compiled_program(small):
    key = jax.random.key(1)
    compiled = jax.jit(flip)(small, 0.3, key)
    np.testing.assert_array_equal(compiled, flip(small, 0.3, key))
    assert ((np.asarray(compiled) != small).sum(axis=1) == 18).all()


def test_a_dense_memory_has_basins(small):
    model = DenseAssociativeMemory(60)
    DenseTrainer(model).train(small)
    assert measure_basins(model, small, [0.1, 0.2], 12).recalled.tolist() == [1, 1]


@pytest.mark.parametrize("count", [4, 5])
def test_other_numbers_of_memories_compile_nothing(tiny, small, count):
    measure_basins(tiny, small, [0.1, 0.3], 12)
    seen = []

    def note(event, *_, **__):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    measure_basins(tiny, small[:count], [0.2], 12)
    assert not seen
