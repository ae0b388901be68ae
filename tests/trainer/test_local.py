"""The loop of local rules: order, memory, learning rates, what is refused, what is undone."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
import tqdm

from canns.models.brain_inspired import LinearLayer
from canns.state import State, states
from canns.trainer import LocalTrainer


class PlainHebb(LocalTrainer):
    def change(self, W, pre, post):
        return self.learning_rate * jnp.outer(post, pre)


class Covariance(LocalTrainer):
    """A rule with a memory of its own: the running means of both sides."""

    def __init__(self, model, learning_rate=0.01, tau=100.0):
        super().__init__(model, learning_rate)
        self.rate = 1 / tau
        self.mean_x = State(jnp.zeros_like(model.x.value))
        self.mean_y = State(jnp.zeros_like(model.y.value))

    def reset(self):
        super().reset()
        for mean in (self.mean_x, self.mean_y):
            mean.value = jnp.zeros_like(mean.value)

    def change(self, W, pre, post):
        for mean, now in ((self.mean_x, pre), (self.mean_y, post)):
            mean.value += self.rate * (now - mean.value)
        return self.learning_rate * jnp.outer(post - self.mean_y.value, pre - self.mean_x.value)


class Interrupted(Covariance):
    """A rule whose user loses patience when the first input passes two."""

    def change(self, W, pre, post):
        if pre[0] > 2:
            raise KeyboardInterrupt
        return super().change(W, pre, post)


# --- two epochs of 700 samples, in several blocks, each epoch in an order of its own -----------------

SAMPLES = np.random.default_rng(1).normal(size=(700, 4))


@pytest.fixture(scope="module")
def shuffled():
    """What a compiled and an uncompiled rule learn."""
    results = []
    for use_compile in (True, False):
        layer = LinearLayer(4, 2, seed=3, weight_scale=0.3)
        trainer = Covariance(layer, learning_rate=1e-3)
        trainer.configure_progress(use_compile=use_compile)
        trainer.train(SAMPLES, epochs=2, shuffle=True, seed=5)
        results.append(SimpleNamespace(layer=layer, trainer=trainer))
    return results


def test_compiled_and_uncompiled_learn_the_same(shuffled):
    boxes = [(one.layer.W, one.layer.x, one.trainer.mean_x, one.trainer.mean_y) for one in shuffled]
    for a, b in zip(*boxes, strict=True):
        np.testing.assert_allclose(a.value, b.value, rtol=2e-5, atol=1e-6)


def test_the_history_counts_the_samples_of_all_epochs_in_blocks(shuffled):
    for one in shuffled:
        assert one.trainer.history.samples.tolist() == [1024, 1400]


def test_the_last_sample_seen_is_the_last_of_the_shuffled_order(shuffled):
    rng = np.random.default_rng(5)
    orders = [rng.permutation(700) for _ in range(2)]
    np.testing.assert_allclose(shuffled[0].layer.x.value, SAMPLES[orders[1][-1]], rtol=1e-6)


def test_training_in_two_calls_is_training_in_one_if_the_second_carries_on():
    layers = [LinearLayer(4, 1), LinearLayer(4, 1)]
    once, twice = (Covariance(layer) for layer in layers)
    data = np.random.default_rng(2).normal(size=(50, 4))
    once.train(data)
    twice.train(data[:20])
    twice.train(data[20:], reset=False)
    np.testing.assert_array_equal(layers[0].W.value, layers[1].W.value)


# --- learning rates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [np.nan, np.inf])
def test_a_learning_rate_that_is_not_finite_is_refused(rate):
    with pytest.raises(ValueError, match="learning_rate must be finite"):
        PlainHebb(LinearLayer(3, 2), learning_rate=rate)


def test_a_learning_rate_of_the_wrong_shape_is_refused():
    trainer = PlainHebb(LinearLayer(3, 2), learning_rate=np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        trainer.train([[1.0, 2.0, 3.0]])


def test_every_synapse_can_have_a_learning_rate_of_its_own():
    layer = LinearLayer(3, 2)
    layer.W.value = np.ones((2, 3))
    trainer = PlainHebb(layer)
    trainer.learning_rate = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    trainer.train([[1.0, 1.0, 1.0]])
    assert layer.W.value.tolist() == [[4, 1, 1], [1, 1, 4]]


# --- what is refused, and that nothing has changed then ----------------------------------------------


@pytest.mark.parametrize(
    ("data", "options", "error", "words"),
    [
        pytest.param([[1.0, 2.0]], {}, ValueError, r"\(3,\)", id="two inputs"),
        pytest.param([], {}, ValueError, "empty", id="no sample"),
        pytest.param([[1.0, 2.0, np.nan]], {}, ValueError, "finite", id="nan"),
        pytest.param([["a", "b", "c"]], {}, TypeError, "real numbers", id="letters"),
        pytest.param(3.0, {}, TypeError, "list of patterns", id="a number"),
        pytest.param([[1.0, 2.0, 3.0]], {"epochs": 0}, ValueError, "epochs", id="0 epochs"),
        pytest.param([[1.0, 2.0, 3.0]], {"epochs": 1.5}, ValueError, "epochs", id="1.5 epochs"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(data, options, error, words):
    layer = LinearLayer(3, 2)
    trainer = PlainHebb(layer)
    before = np.asarray(layer.W.value)
    with pytest.raises(error, match=words):
        trainer.train(data, **options)
    assert (layer.W.value == before).all()
    assert trainer.history is None


def test_an_interrupt_in_the_middle_leaves_every_box_as_it_was():
    trainer = Interrupted(LinearLayer(3, 1))
    trainer.configure_progress(use_compile=False)
    trainer.train([[1.0, 1.0, 1.0]])
    before = {name: np.asarray(box.value) for name, box in states(trainer).items()}
    with pytest.raises(KeyboardInterrupt):
        trainer.train([[1.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    for name, box in states(trainer).items():
        np.testing.assert_array_equal(box.value, before[name])


# --- progress and options ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["4000/4000", "threshold", "epoch=2"])
def test_the_bar_counts_samples_and_epochs_and_shows_what_the_model_reports(
    monkeypatch, capsys, words
):
    monkeypatch.setattr("tqdm.auto.tqdm", tqdm.tqdm)
    layer = LinearLayer(3, 1, use_bcm_threshold=True)
    # options as canns 1.x called them
    PlainHebb(layer, show_iteration_progress=True, compiled=True).train(
        np.ones((2000, 3)) * 0.1, epochs=2
    )
    assert words in capsys.readouterr().err


def test_a_misspelt_option_is_refused():
    with pytest.raises(TypeError, match="lerning_rate"):
        PlainHebb(LinearLayer(3, 1), lerning_rate=0.1)
