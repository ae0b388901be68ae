"""Recordings of recalls: what they hold, what they leave alone, what they refuse."""

import re

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from canns.analyzer import animate_recall, film_strip, record_recall, settle
from canns.models.brain_inspired import AmariHopfieldNetwork, DenseAssociativeMemory
from canns.state import states
from canns.stimuli import corrupt, photographs, random_patterns
from canns.trainer import DenseTrainer, HebbianTrainer


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def images():
    return photographs(32)


@pytest.fixture(scope="module")
def cue(images):
    return corrupt(images[1], 0.3, seed=1)


@pytest.fixture(scope="module")
def trainer(images):
    """Of an asynchronous network that stores four photographs."""
    trainer = HebbianTrainer(
        AmariHopfieldNetwork(1024, asyn=True), learning_rate=1 / 1024, normalize_by_patterns=False
    )
    trainer.train(images)
    return trainer


@pytest.fixture(scope="module")
def tiny():
    """An asynchronous network of 16 neurons with two memories."""
    model = AmariHopfieldNetwork(16, asyn=True)
    HebbianTrainer(model).train(random_patterns(2, 16, seed=6))
    return model


@pytest.fixture(scope="module")
def begin():
    return random_patterns(1, 16, seed=8)[0]


@pytest.fixture(scope="module")
def quick(tiny, begin):
    return record_recall(tiny, begin, 3, every=2)


def test_a_cue_at_rest_gives_a_recording_of_one_state(trainer, images):
    still = record_recall(trainer.model, images[0])
    assert len(still) == 1
    assert still.time.tolist() == [0]


def test_a_cue_at_rest_gives_one_state_also_between_sweeps(trainer, images):
    assert len(record_recall(trainer.model, images[0], every=5)) == 1


def test_a_sweep_ends_with_a_state_of_its_own_where_every_does_not_divide_it(trainer, cue):
    uneven = record_recall(trainer.model, cue, every=1000)
    assert uneven.time[:3].tolist() == [0, 1000 / 1024, 1]


def test_a_film_strip_has_no_more_pictures_than_asked_for(trainer, cue):
    uneven = record_recall(trainer.model, cue, every=1000)
    assert len(film_strip(uneven, frames=9)) <= 9


def test_recording_leaves_model_and_history_as_they_were(trainer, cue):
    before = {name: box.value for name, box in states(trainer.model).items()}
    history = trainer.history
    record_recall(trainer, cue, every=100)
    assert all(box.value is before[name] for name, box in states(trainer.model).items())
    assert trainer.history is history


def test_a_recording_of_more_than_a_block_is_one_recall(tiny):
    weights = np.triu(np.random.default_rng(4).normal(size=(16, 16)), 1)
    endless = AmariHopfieldNetwork(16)
    endless.W.value = weights + weights.T
    cue = random_patterns(8, 16, seed=5)
    _, history = settle(endless, cue)
    start = cue[np.argmax(history.cycle)]
    long, short = (record_recall(endless, start, num_iter=n) for n in (70, 33))
    assert (len(long), len(short)) == (71, 34)
    np.testing.assert_array_equal(long.states[:34], short.states)
    np.testing.assert_array_equal(long.states[-1], settle(endless, start[None], 70)[0][0])


def test_other_numbers_of_sweeps_compile_nothing(tiny, begin, quick):
    seen = []

    def note(event, *_, **__):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    record_recall(tiny, begin, 7, every=5)
    assert not seen


def test_a_dense_memory_is_recorded_visit_by_visit(begin):
    model = DenseAssociativeMemory(16, asyn=True)
    memories = random_patterns(2, 16, seed=6)
    DenseTrainer(model).train(memories)
    found = record_recall(model, corrupt(memories[0], 0.2, seed=1), every=1)
    np.testing.assert_array_equal(found.states[-1], memories[0])
    assert ((found.states[1:] != found.states[:-1]).sum(axis=1) <= 1).all()
    assert (np.diff(found.energy) <= 1e-5 * np.abs(found.energy).max()).all()


def test_graded_neurons_are_recorded_from_a_faint_cue(images, cue):
    graded = AmariHopfieldNetwork(1024, activation="tanh", temperature=0.3)
    HebbianTrainer(graded, learning_rate=1 / 1024, normalize_by_patterns=False).train(images)
    faint = record_recall(graded, 0.2 * cue, num_iter=60)
    assert faint.overlaps(images)[-1, 1] > 0.5
    assert "sweeps" in repr(faint)


def test_an_uncompiled_recording_is_the_compiled_one(tiny, begin, quick):
    with jax.disable_jit():
        slow = record_recall(tiny, begin, 3, every=2)
    np.testing.assert_array_equal(slow.states, quick.states)
    np.testing.assert_allclose(slow.energy, quick.energy, rtol=1e-5)


def test_an_animation_has_three_panels_on_the_figure_given_and_a_frame_per_state(
    quick, begin, tmp_path
):
    fig, file = plt.figure(), tmp_path / "short.gif"
    animate_recall(quick, [begin], fig=fig).save(file, writer="pillow", dpi=30)
    assert len(fig.axes) == 3
    with Image.open(file) as saved:
        assert saved.n_frames == len(quick)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda model, cue: record_recall(AmariHopfieldNetwork(16), cue), "train first"),
        (lambda model, cue: record_recall(model, cue[1:]), "(16,)"),
        (lambda model, cue: record_recall(model, 0.5 * cue), "+1 and -1"),
        (lambda model, cue: record_recall(model, cue, num_iter=0), "num_iter"),
        (lambda model, cue: record_recall(model, cue, every=0), "every"),
    ],
)
def test_a_recording_that_makes_no_sense_is_refused(tiny, begin, question, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        question(tiny, begin)


def test_neurons_that_change_together_have_no_states_between_sweeps():
    weights = np.triu(np.random.default_rng(4).normal(size=(100, 100)), 1)
    together = AmariHopfieldNetwork(100)
    together.W.value = weights + weights.T
    with pytest.raises(ValueError, match="asyn=True"):
        record_recall(together, random_patterns(1, 100, seed=5)[0], every=5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shape": (3, 5)}, "16 neurons"),
        ({"frames": 1}, "frames"),
        ({"frames": 3, "axes": [None]}, "3 Axes"),
    ],
)
def test_a_film_strip_that_does_not_fit_is_refused(quick, options, words):
    with pytest.raises(ValueError, match=words):
        film_strip(quick, **options)


@pytest.mark.parametrize(
    ("change", "words"), [(lambda s: s[1:], "(16,)"), (lambda s: 0.5 * s, "+1 and -1")]
)
def test_an_animation_refuses_patterns_that_do_not_fit(quick, begin, change, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        animate_recall(quick, [change(begin)])
