"""Competition and maps against plain loops, the measures of a map, and what is refused."""

import numpy as np
import pytest

from canns.models.brain_inspired import LinearLayer
from canns.trainer import CompetitiveTrainer, ConscienceTrainer, SOMTrainer
from canns.trainer.competitive import nearest_units, quantization_error, topographic_error

RNG = np.random.default_rng(0)
SAMPLES = RNG.random((80, 3))
START = RNG.random((6, 3))


def new_layer():
    layer = LinearLayer(3, 6)
    layer.W.value = START
    return layer


def learned(rule, **options):
    """The weights after two passes through the samples."""
    layer = new_layer()
    rule(layer, **options).train(SAMPLES, epochs=2)
    return np.asarray(layer.W.value)


def competed(winner, conscience):
    """Winner-take-all learning with a conscience, unit by unit."""
    W, p = START.copy(), np.full(6, 1 / 6)
    for x in np.tile(SAMPLES, (2, 1)):
        good = W @ x if winner == "answer" else -((x - W) ** 2).sum(axis=1)
        k = np.argmax(good + conscience * (1 / 6 - p))
        W[k] += 0.05 * (x - W[k])
        p += ((np.arange(6) == k) - p) / 20
    return W


@pytest.mark.parametrize("winner", ["distance", "answer"])
@pytest.mark.parametrize("conscience", [0.0, 0.5])
def test_a_conscience_acts_as_in_a_plain_loop(winner, conscience):
    ours = learned(ConscienceTrainer, winner=winner, conscience=conscience, tau=20.0)
    np.testing.assert_allclose(ours, competed(winner, conscience), rtol=1e-4)


@pytest.mark.parametrize("winner", ["distance", "answer"])
def test_without_a_conscience_it_is_plain_competition(winner):
    without = learned(ConscienceTrainer, winner=winner, conscience=0.0, tau=20.0)
    np.testing.assert_array_equal(learned(CompetitiveTrainer, winner=winner), without)


def mapped(shape, steps):
    """Kohonen's rule from rate 0.4 to 0.04 and radius 2 to 0.3, unit by unit."""
    W = START.copy()
    for t, x in enumerate(np.tile(SAMPLES, (2, 1))):
        s = min(t / steps, 1)
        rate, radius = 0.4 * 0.1**s, 2 * (0.3 / 2) ** s
        k = np.argmin(((x - W) ** 2).sum(axis=1))
        r, c = divmod(k, shape[1])
        for i in range(6):
            a, b = divmod(i, shape[1])
            d2 = (a - r) ** 2 + (b - c) ** 2
            W[i] += rate * np.exp(-d2 / (2 * radius**2)) * (x - W[i])
    return W


@pytest.mark.parametrize("shape", [(2, 3), (1, 6), (6, 1)], ids=str)
@pytest.mark.parametrize("steps", [None, 100])
def test_a_map_learns_as_in_a_plain_loop(shape, steps):
    options = {"learning_rate": 0.4, "final_rate": 0.1, "radius": 2.0, "final_radius": 0.3}
    ours = learned(SOMTrainer, shape=shape, steps=steps, **options)
    np.testing.assert_allclose(ours, mapped(shape, steps or 160), rtol=1e-3)


@pytest.mark.parametrize(
    ("rule", "options"), [(ConscienceTrainer, {}), (SOMTrainer, {"shape": (2, 3)})]
)
def test_uncompiled_learning_is_the_compiled_one(rule, options):
    ends = []
    for use_compile in (True, False):
        layer = new_layer()
        rule(layer, use_compile=use_compile, **options).train(SAMPLES[:4])
        ends.append(layer.W.value)
    np.testing.assert_allclose(*ends, rtol=1e-5)


def learned_in_parts(*cuts):
    trainer = SOMTrainer(new_layer(), (2, 3), steps=80)
    for part in np.split(SAMPLES, cuts):
        trainer.train(part, reset=False)
    return trainer


def test_a_map_learned_in_parts_is_the_one_learned_in_one_go():
    whole, parts = learned_in_parts(), learned_in_parts(30, 31)
    np.testing.assert_array_equal(whole.model.W.value, parts.model.W.value)
    assert parts.step.value == 80


def test_a_call_with_a_reset_begins_the_schedule_again():
    trainer = learned_in_parts()
    trainer.train(SAMPLES)
    assert trainer.step.value == 80
    assert trainer.length.value == 80


def test_a_unit_with_the_learning_rate_zero_stays():
    rate = np.full((6, 1), 0.5)
    rate[1] = 0
    W = learned(SOMTrainer, shape=(2, 3), learning_rate=rate)
    np.testing.assert_array_equal(W[1], START[1].astype(np.float32))
    assert np.isfinite(W).all()


def test_another_length_of_the_schedule_compiles_nothing_again(compilations):
    trainer = SOMTrainer(LinearLayer(3, 15), (3, 5))
    trainer.train(SAMPLES)
    assert compilations.new()
    trainer.train(SAMPLES[:50], epochs=3)
    trainer.steps = 70
    trainer.train(SAMPLES, reset=False)
    assert not compilations.new()
    assert trainer.length.value == 70


@pytest.mark.parametrize(
    ("rule", "options", "numbers"),
    [
        (ConscienceTrainer, {}, {"learning_rate": 0.1, "conscience": 3.0, "tau": 50.0}),
        (
            SOMTrainer,
            {"shape": (5, 3)},
            {"learning_rate": 0.1, "radius": 1.0, "final_radius": 0.2, "final_rate": 0.5},
        ),
    ],
)
def test_other_numbers_compile_nothing_again_and_count(compilations, rule, options, numbers):
    trainer, fresh = (rule(LinearLayer(3, 15), **options) for _ in range(2))
    trainer.train(SAMPLES)
    trainer.model.W.value = fresh.model.W.value
    for name, value in numbers.items():
        setattr(trainer, name, value)
    compilations.new()
    trainer.train(SAMPLES)
    assert not compilations.new()
    again = rule(fresh.model, **options, **numbers)
    again.train(SAMPLES)
    np.testing.assert_array_equal(trainer.model.W.value, again.model.W.value)


def test_the_quantization_error_does_not_mind_an_offset():
    far, near = quantization_error(1000 + START, 1000 + SAMPLES), quantization_error(START, SAMPLES)
    np.testing.assert_allclose(far, near, rtol=1e-3)


def test_the_quantization_error_of_one_unit_is_the_mean_distance():
    by_hand = np.sqrt(((SAMPLES - START[0]) ** 2).sum(axis=1)).mean()
    np.testing.assert_allclose(quantization_error(START[:1], SAMPLES), by_hand, rtol=1e-5)


def test_the_nearest_units_of_many_samples_are_found_block_by_block():
    many = np.random.default_rng(1).random((9000, 3))
    brute = np.argmin(((many[:, None] - START) ** 2).sum(axis=2), axis=1)
    assert np.mean(nearest_units(START, many)[:, 0] == brute) > 0.999


def test_all_units_can_be_named_in_order_of_distance():
    ranked = nearest_units(START, SAMPLES, 6)
    distance = ((SAMPLES[:, None] - START) ** 2).sum(axis=2)
    assert ranked.shape == (80, 6)
    np.testing.assert_array_equal(ranked, np.argsort(distance, axis=1))


@pytest.mark.parametrize(
    ("rule", "options", "words"),
    [
        (CompetitiveTrainer, {"winner": "luck"}, "winner"),
        (CompetitiveTrainer, {"learning_rate": np.nan}, "learning_rate"),
        (ConscienceTrainer, {"conscience": -1.0}, "conscience"),
        (ConscienceTrainer, {"conscience": np.inf}, "conscience"),
        (ConscienceTrainer, {"tau": 0.0}, "tau"),
        (SOMTrainer, {"shape": (2, 2)}, "6 units"),
        (SOMTrainer, {"shape": 6}, "shape"),
        (SOMTrainer, {"shape": (2, 3, 1)}, "shape"),
        (SOMTrainer, {"shape": (2.0, 3)}, "whole number"),
        (SOMTrainer, {"shape": (-2, -3)}, "whole number"),
        (SOMTrainer, {"shape": (2, 3), "radius": 0.0}, "radius"),
        (SOMTrainer, {"shape": (2, 3), "final_radius": -1.0}, "final_radius"),
        (SOMTrainer, {"shape": (2, 3), "final_rate": np.nan}, "final_rate"),
        (SOMTrainer, {"shape": (2, 3), "steps": 0}, "steps"),
        (SOMTrainer, {"shape": (2, 3), "steps": 10.5}, "steps"),
        (SOMTrainer, {"shape": (2, 3), "radius": np.nan}, "radius"),
    ],
)
def test_numbers_out_of_range_are_refused(rule, options, words):
    with pytest.raises(ValueError, match=words):
        rule(LinearLayer(3, 6), **options)


@pytest.mark.parametrize(
    ("question", "arguments", "words"),
    [
        pytest.param(
            quantization_error, (START, np.ones((4, 2))), r"data.*\(2,\)", id="another length"
        ),
        pytest.param(
            quantization_error, (START, np.ones((0, 3))), "data is empty", id="no samples"
        ),
        pytest.param(quantization_error, (START * np.nan, SAMPLES), r"W\[0\].*nan", id="nan"),
        pytest.param(nearest_units, (START, SAMPLES, 7), "6", id="more than there are"),
        pytest.param(nearest_units, (START, SAMPLES[0]), r"\(3,\)", id="one sample"),
        pytest.param(topographic_error, (START, SAMPLES, (3, 3)), "6 units", id="another grid"),
        pytest.param(topographic_error, (START[:1], SAMPLES, (1, 1)), "2", id="a grid of one"),
    ],
)
def test_measures_refuse_what_does_not_fit_together(question, arguments, words):
    with pytest.raises(ValueError, match=words):
        question(*arguments)


@pytest.fixture(scope="module")
def trained():
    """A map that has learned; no test may change it."""
    trainer = SOMTrainer(new_layer(), (2, 3))
    trainer.train(SAMPLES)
    return trainer


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        pytest.param(np.ones((4, 2)), {}, r"\(2,\)", id="another length"),
        pytest.param(SAMPLES, {"epochs": 0}, "epochs", id="no epochs"),
        pytest.param(SAMPLES * np.nan, {}, "nan", id="nan"),
    ],
)
def test_a_call_that_is_refused_changes_nothing(trained, data, options, words):
    before = np.asarray(trained.model.W.value)
    with pytest.raises(ValueError, match=words):
        trained.train(data, **options)
    np.testing.assert_array_equal(trained.model.W.value, before)
    assert trained.step.value == 80
    assert trained.length.value == 80
