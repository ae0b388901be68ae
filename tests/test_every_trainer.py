"""What holds for every trainer of the library: each is found by itself, with a model that it can teach."""

import inspect

import numpy as np
import pytest

import canns.trainer
from canns.models.brain_inspired import (
    AmariHopfieldNetwork,
    DenseAssociativeMemory,
    LinearLayer,
    SpikingLayer,
    ThresholdLayer,
)
from canns.state import Number, states, values_of
from canns.stimuli import random_patterns
from canns.trainer import HebbianTrainer, LocalTrainer, OjaTrainer, StorageTrainer, Trainer

pytestmark = pytest.mark.filterwarnings("ignore:.*patterns stored:UserWarning")

N, M = 12, 4
LAYERS = [
    lambda: LinearLayer(N, M, use_bcm_threshold=True, weight_scale=0.3),
    lambda: ThresholdLayer(N, M, weight_scale=0.3),
    lambda: SpikingLayer(N, M, threshold=0.5, weight_scale=0.5),
]
MEMORIES = [lambda: AmariHopfieldNetwork(400), lambda: DenseAssociativeMemory(400)]

TRAINERS = {
    name: cls
    for name in canns.trainer.__all__
    if inspect.isclass(cls := getattr(canns.trainer, name))
    and issubclass(cls, Trainer)
    and not inspect.isabstract(cls)
}


def made(cls, **options):
    """A trainer of this class on the first model that it takes."""
    models = MEMORIES + LAYERS if issubclass(cls, StorageTrainer) else LAYERS + MEMORIES
    refused = []
    for make in models:
        model = make()
        special = {
            "rule": lambda model=model: OjaTrainer(model, normalize_weights=False),
            "rules": lambda model=model: [
                OjaTrainer(model, normalize_weights=False),
                HebbianTrainer(model, learning_rate=0.01),
            ],
            "stages": lambda model=model: [OjaTrainer(model), OjaTrainer(model)],
            "shape": lambda: (2, M // 2),
            "activity": lambda: 0.5,
        }
        asked = inspect.signature(cls).parameters.values()
        needed = [
            p.name for p in asked if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        try:
            given = {name: special[name]() for name in needed if name != "model"}
            return cls(**({"model": model} if "model" in needed else {}), **given, **options)
        except TypeError as error:
            refused.append(str(error))
    raise AssertionError(f"no model for {cls.__name__}: {refused}")


def data_for(trainer, seed=0):
    size = trainer.network.size()
    if isinstance(trainer.model, SpikingLayer):
        return (np.random.default_rng(seed).random((30, size)) < 0.3).astype(np.float32)
    if trainer.feedforward:
        return 0.2 * np.random.default_rng(seed).random((30, size), np.float32)
    return random_patterns(3, size, seed=seed)


def teach(trainer, seed=0):
    data = data_for(trainer, seed)
    extra = {}
    if "reward" in inspect.signature(trainer.train).parameters:
        extra["reward"] = np.full(len(data), 1e-3)
    trainer.train(data, **extra)


def numbers_of(obj):
    """Names of the numbers that an object's class declares."""
    names = {
        name
        for c in type(obj).__mro__
        for name, part in vars(c).items()
        if isinstance(part, Number)
    }
    return sorted(
        name for name in names if isinstance(inspect.getattr_static(type(obj), name), Number)
    )


def test_all_trainers_are_found():
    assert len(TRAINERS) >= 20
    assert {"HebbianTrainer", "STDPTrainer", "BCMTrainer", "RuleSum", "UnlearningTrainer"} <= set(
        TRAINERS
    )


def changeable(trainer):
    """Everything about a trainer, its rules and its model that is a number now: owner and name."""
    rules = [*getattr(trainer, "rules", []), *(s.trainer for s in getattr(trainer, "stages", []))]
    return [
        (owner, name)
        for owner in (trainer, trainer.model, *rules)
        for name in numbers_of(owner)
        if np.ndim(value := getattr(owner, name)) == 0 and value is not None and np.isfinite(value)
    ]


@pytest.mark.parametrize("name", TRAINERS)
def test_its_numbers_change_a_hundred_times_and_nothing_is_compiled_again(name, compilations):
    trainer = made(TRAINERS[name])
    empty = trainer.network.weights.value
    teach(trainer)
    compilations.new()
    rng = np.random.default_rng(0)
    changed = 0
    for k in range(100):
        numbers = changeable(trainer)
        if not numbers:
            pytest.skip("it has no number")
        owner, number = numbers[k % len(numbers)]
        setattr(owner, number, getattr(owner, number) * rng.uniform(0.95, 1.0))
        changed += 1
        if k < 2 * len(numbers) or k % 10 == 0:
            if not trainer.feedforward:  # what was stored before takes room of its own
                trainer.network.weights.value = empty
                if hasattr(trainer, "directions"):
                    trainer.directions = None
            teach(trainer, seed=k)
    assert changed == 100
    assert compilations.new() == []


@pytest.mark.parametrize(
    "name", [n for n, cls in TRAINERS.items() if issubclass(cls, StorageTrainer)]
)
def test_a_hundred_fresh_networks_under_a_storage_rule_compile_nothing_after_the_first(
    name, compilations
):
    teach(made(TRAINERS[name]))
    compilations.new()
    for k in range(100):
        teach(made(TRAINERS[name]), seed=k)
    assert compilations.new() == []


@pytest.mark.parametrize("name", TRAINERS)
def test_an_unknown_option_is_a_type_error_and_changes_nothing(name):
    trainer = made(TRAINERS[name])
    before = {k: np.asarray(v) for k, v in values_of(states(trainer)).items() if "key" not in k}
    before = {k: v for k, v in before.items() if v.dtype != object}
    with pytest.raises(TypeError, match="shufle"):
        trainer.train(data_for(trainer), shufle=True)
    with pytest.raises(AssertionError, match="no option 'sped'"):
        made(TRAINERS[name], sped=1)
    for k, v in before.items():
        np.testing.assert_array_equal(np.asarray(states(trainer)[k].value), v)


@pytest.mark.parametrize(
    "name", [n for n, cls in TRAINERS.items() if issubclass(cls, LocalTrainer)]
)
def test_with_bounds_a_synapse_that_does_not_change_keeps_its_bits(name):
    trainer = made(TRAINERS[name])
    for rule in [trainer, *getattr(trainer, "rules", [])]:
        if "learning_rate" in numbers_of(rule):
            rule.learning_rate = 0.0
    for rule in getattr(trainer, "rules", [trainer]):
        if {"w_min", "w_max"} <= set(numbers_of(rule)):
            rule.w_min, rule.w_max = 0.0, 0.1
    box = trainer.network.weights
    box.value = np.random.default_rng(0).normal(0, 2, box.shape).astype(np.float32)
    before = np.asarray(box.value).tobytes()
    clears = getattr(trainer, "zero_diagonal", False) is True and not trainer.feedforward
    if clears or getattr(trainer, "normalize_weights", False):
        pytest.skip("this rule changes the weights whatever the learning rate")
    teach(trainer)
    assert np.asarray(box.value).tobytes() == before
