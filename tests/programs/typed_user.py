"""A researcher's script: memories, components, a rule and a model of their own. Every line is typed."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from canns.models.brain_inspired import AmariHopfieldNetwork, BrainInspiredModel, LinearLayer
from canns.state import ParamState, State
from canns.trainer import HebbianTrainer, LocalTrainer, OjaTrainer, RecallHistory

Floats = npt.NDArray[np.float32]


def random_patterns(count: int, size: int, rng: np.random.Generator) -> Floats:
    return np.where(rng.random((count, size)) < 0.5, -1.0, 1.0).astype(np.float32)


def damaged(patterns: Floats, flips: int, rng: np.random.Generator) -> Floats:
    cues = patterns.copy()
    for cue in cues:
        cue[rng.choice(len(cue), flips, replace=False)] *= -1
    return cues


def recall(patterns: Floats, cues: Floats) -> tuple[jax.Array, RecallHistory]:
    """Hebb's rule: store the patterns, and recall them from damaged copies."""
    network = AmariHopfieldNetwork(num_neurons=patterns.shape[1], asyn=False, activation="sign")
    trainer = HebbianTrainer(network)
    trainer.train(patterns)
    recalled: jax.Array = trainer.predict_batch(cues, num_iter=20)
    history = trainer.history
    assert isinstance(history, RecallHistory)
    return recalled, history


def first_component(samples: Floats) -> Floats:
    """Oja's rule: the direction in which the samples spread most."""
    layer = LinearLayer(input_size=samples.shape[1], output_size=1, seed=1)
    trainer = OjaTrainer(layer, learning_rate=0.005, normalize_weights=True)
    trainer.train(list(samples), epochs=5, shuffle=True, seed=2)
    answer: jax.Array = trainer.predict(samples[0])
    assert answer.shape == (1,)
    return np.asarray(layer.W.value, np.float32).ravel()


class InstarTrainer(LocalTrainer):
    """Grossberg's instar: the weights of an active neuron move towards its input."""

    def change(self, W: jax.Array, pre: jax.Array, post: jax.Array) -> jax.Array:
        return self.learning_rate * post[:, None] * (pre - W)


class LeakyNetwork(BrainInspiredModel):
    """Graded neurons that go a part of the way to their new state in each step."""

    def __init__(self, num_neurons: int, rate: float = 0.5) -> None:
        self.rate = rate
        self.W = ParamState(jnp.zeros((num_neurons, num_neurons)))
        self.s = State(jnp.zeros(num_neurons))

    def init_state(self) -> None:
        self.s.value = jnp.zeros(self.s.shape)

    def update(self) -> None:
        drive = jnp.tanh(4 * jnp.matmul(self.W.value, self.s.value))
        self.s.value = (1 - self.rate) * self.s.value + self.rate * drive

    @property
    def energy(self) -> jax.Array:
        return -0.5 * jnp.vdot(self.s.value, jnp.matmul(self.W.value, self.s.value))


def main() -> None:
    rng = np.random.default_rng(0)

    patterns = random_patterns(3, 200, rng)
    cues = damaged(patterns, 20, rng)
    recalled, history = recall(patterns, cues)
    assert np.array_equal(recalled, patterns)
    assert bool(history.converged.all()) and int(history.steps.max()) <= 20
    energy: npt.NDArray[np.floating] = history.energy
    assert (energy[:, -1] < energy[:, 0]).all()

    samples = (rng.normal(size=(500, 3)) * [3.0, 1.0, 0.3]).astype(np.float32)
    assert abs(first_component(samples)[0]) > 0.99

    layer = LinearLayer(input_size=2, output_size=1, weight_scale=0.0)
    layer.W.value = jnp.array([[0.5, 0.0]])
    instar = InstarTrainer(layer, learning_rate=0.1)
    instar.train([[1.0, 1.0]], epochs=200)
    assert np.allclose(layer.W.value, 1.0, atol=1e-2)

    network = LeakyNetwork(num_neurons=200)
    trainer = HebbianTrainer(network)
    trainer.train(patterns)
    settled = trainer.predict(cues[0], num_iter=50)
    assert np.array_equal(np.sign(settled), patterns[0])
    assert float(network.energy) < 0
    print("typed, and it ran")


if __name__ == "__main__":
    main()
