"""Capacity curves: their random numbers, scales and thresholds; the fit of the critical load."""

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.special import ndtr

from canns.analyzer import CapacityCurve, CriticalLoad, capacity_curve, critical_load, stored_by
from canns.stimuli import random_patterns
from canns.trainer import HebbianTrainer
from canns.weights import OuterProducts

FEW = {"trials": 2, "probes": 8, "asyn": True, "num_iter": 5}


def hebb(patterns):
    """Hebb's rule, by hand."""
    W = patterns.T @ patterns / patterns.shape[1]
    np.fill_diagonal(W, 0)
    return W


@pytest.fixture(scope="module")
def first():
    """A curve of noisy networks with 3 and 12 patterns."""
    return capacity_curve(hebb, 60, [0.05, 0.2], temperature=0.3, **FEW)


@pytest.fixture(scope="module")
def compiled():
    """A list that grows by one whenever a program is compiled."""
    seen = []

    def note(event, *_, **__):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    return seen


# --- one curve ---------------------------------------------------------------------------------------


def test_other_loads_temperatures_and_seeds_compile_nothing(first, compiled):
    before = len(compiled)
    capacity_curve(hebb, 60, [0.1, 0.15, 0.2], temperature=0.5, seed=3, **FEW)
    assert len(compiled) == before


@pytest.mark.parametrize("loads", [[0.1, 0.3], [0.2, 0.6]], ids=["few", "more than half"])
def test_a_trainer_at_other_loads_below_the_largest_compiles_nothing(compiled, loads):
    options = {"trials": 1, "probes": 6, "num_iter": 3}
    capacity_curve(HebbianTrainer, 60, loads, **options)
    before = len(compiled)
    capacity_curve(HebbianTrainer, 60, [0.15, 0.25, loads[1]], seed=1, **options)
    assert len(compiled) == before


def test_any_class_with_a_method_train_is_a_rule():
    class Plain:
        def __init__(self, model):
            self.model = model

        def train(self, patterns):
            self.model.W.value = hebb(patterns)

    curve = capacity_curve(Plain, 60, [0.05, 0.2], **FEW)
    np.testing.assert_array_equal(
        curve.overlaps, capacity_curve(hebb, 60, [0.05, 0.2], **FEW).overlaps
    )


def test_what_is_compiled_is_counted(compiled):
    before = len(compiled)
    jax.jit(lambda x: x + 1)(0.5)
    assert len(compiled) > before


def test_the_same_seed_gives_the_same_numbers(first):
    again = capacity_curve(hebb, 60, [0.05, 0.2], temperature=0.3, **FEW)
    np.testing.assert_array_equal(first.overlaps, again.overlaps)


def test_an_uncompiled_curve_is_the_compiled_one():
    tiny = {"trials": 1, "probes": 2, "num_iter": 2, "temperature": 0.3}
    with jax.disable_jit():
        plain = capacity_curve(hebb, 20, [0.1], **tiny)
    fast = capacity_curve(hebb, 20, [0.1], **tiny)
    np.testing.assert_allclose(fast.overlaps, plain.overlaps, atol=1e-6)


def test_probes_beyond_what_is_stored_have_no_overlap(first):
    assert np.isnan(first.overlaps[0, :, 3:]).all()  # three patterns were stored, not eight
    assert not np.isnan(first.overlaps[1]).any()


def test_the_scale_of_the_weights_makes_no_difference_to_temperature(first):
    scaled = capacity_curve(lambda p: 8 * hebb(p), 60, [0.05, 0.2], temperature=0.3, **FEW)
    np.testing.assert_array_equal(first.overlaps, scaled.overlaps)


def test_a_threshold_that_the_rule_returns_is_used():
    shut = capacity_curve(lambda p: (hebb(p), 100.0), 100, [0.2], trials=1, probes=9)
    seed = int(np.random.SeedSequence([0, 0]).generate_state(3)[0])
    expected = -random_patterns(20, 100, seed=seed)[:9].mean(axis=1)
    np.testing.assert_allclose(shut.overlaps[0, 0], expected, atol=1e-6)


def test_a_single_trial_has_no_standard_error():
    single = capacity_curve(hebb, 100, [0.2], trials=1, probes=9)
    assert np.isnan(single.error).all()


@pytest.mark.parametrize(
    ("final", "expected", "within"),
    [("the pattern", 1, 0.2), ("another", 0, 0.1), ("silence", 0, 0.2)],
)
def test_the_overlap_of_sparse_patterns_is_1_for_the_pattern_and_0_for_others(
    final, expected, within
):
    N, others = 4000, random_patterns(4, 4000, activity=0.1, seed=1)

    def rule(patterns):
        """Weights of (nearly) nothing, and thresholds that say where all neurons go."""
        ends = {
            "the pattern": np.zeros(N),
            "another": -9.0 * others[len(patterns) - 1],
            "silence": np.full(N, 9.0),
        }
        return OuterProducts(np.zeros((1, N), np.float32)), ends[final]

    curve = capacity_curve(rule, N, np.arange(1, 5) / N, trials=1, probes=4, activity=0.1)
    found = curve.overlaps[~np.isnan(curve.overlaps)]
    assert found.size == 1 + 2 + 3 + 4
    np.testing.assert_allclose(found, expected, atol=within)


@pytest.fixture(scope="module")
def by_class():
    return capacity_curve(HebbianTrainer, 100, [0.05, 0.2], trials=2, probes=9)


@pytest.mark.parametrize(
    "rule",
    [stored_by(HebbianTrainer), lambda p: np.asarray(stored_by(HebbianTrainer)(p)[0])],
    ids=["as a rule", "written out"],
)
def test_a_trainer_class_recalls_the_same_bits(by_class, rule):
    curve = capacity_curve(rule, 100, [0.05, 0.2], trials=2, probes=9)
    np.testing.assert_array_equal(by_class.overlaps, curve.overlaps)


def test_a_curve_is_drawn_on_the_present_axes(by_class):
    ax = plt.figure().subplots()
    assert by_class.plot() is ax
    plt.close()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"loads": []}, "loads"),
        ({"loads": [0.0]}, "loads"),
        ({"loads": [0.1, -0.1]}, "loads"),
        ({"loads": [np.nan]}, "loads"),
        ({"loads": [np.inf]}, "loads"),
        ({"loads": [0.001]}, "less than one pattern"),
        ({"loads": 0.1}, "loads"),
        ({"num_neurons": 0}, "num_neurons"),
        ({"num_neurons": 2.5}, "num_neurons"),
        ({"trials": 0}, "trials"),
        ({"probes": 0}, "probes"),
        ({"num_iter": 0}, "num_iter"),
        ({"noise": 1.5}, "noise"),
        ({"noise": np.nan}, "noise"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": np.nan}, "temperature"),
        ({"activity": 1.0}, "activity"),
        ({"rule": lambda p: np.zeros((3, 3))}, "weights of shape"),
        ({"rule": lambda p: np.full((50, 50), np.nan)}, "not finite"),
    ],
)
def test_a_curve_that_makes_no_sense_is_refused(bad, words):
    with pytest.raises(ValueError, match=words):
        capacity_curve(**{"rule": hebb, "num_neurons": 50, "loads": [0.1]} | bad)


# --- the critical load -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"sizes": [100]}, "two different sizes"),
        ({"sizes": [100, 100]}, "two different sizes"),
        ({"sizes": [100, 0]}, "sizes"),
        ({"trials": 1}, "trials"),
        ({"trials": [2, 2, 2]}, "trials"),
        ({"power": 0.0}, "power"),
        ({"trials": 2, "probes": 2, "above": -1.0}, "above and below one half"),
    ],
)
def test_a_critical_load_that_makes_no_sense_is_refused(bad, words):
    with pytest.raises(ValueError, match=words):
        critical_load(**{"rule": hebb, "sizes": [99, 100], "loads": [0.1, 0.5]} | bad)


def test_the_fit_finds_a_known_centre_and_its_error(monkeypatch):
    rng, loads = np.random.default_rng(0), np.linspace(0.1, 0.2, 11)
    share = ndtr((0.153 - loads) / 0.01)

    def drawn(rule, N, loads, **_):
        """A curve whose recalls are kept with a known probability."""
        kept = rng.random((11, 8, 50)) < share[:, None, None]
        return CapacityCurve(N, loads, kept.astype(float), 0, 0)

    monkeypatch.setattr("canns.analyzer.capacity.capacity_curve", drawn)
    found = critical_load(hebb, range(100, 116), loads)  # sixteen times, once for each size
    assert abs(found.half.mean() - 0.153) < 4 * found.half.std() / np.sqrt(16)
    assert 0.5 < found.half_error.mean() / found.half.std() < 2


@pytest.fixture(scope="module")
def law():
    """Loads that fall to 0.14 as one over the root of N."""
    sizes = np.array([250, 500, 1000])
    return CriticalLoad(sizes, 0.14 + 0.5 / np.sqrt(sizes), np.full(3, 1e-3), 0.5, ())


def test_the_line_finds_a_known_law(law):
    assert abs(law.load - 0.14) < 1e-9
    assert abs(law.slope - 0.5) < 1e-9


def test_the_error_at_infinity_is_larger_than_that_of_the_sizes(law):
    assert law.error > 1e-3


def test_a_critical_load_is_drawn_on_the_present_axes(law):
    ax = plt.figure().subplots()
    assert law.plot() is ax
    plt.close()
