"""Every learning rule on its layer, with the arguments and attributes that canns 1.x has."""

import numpy as np

from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer, SpikingLayer
from canns.trainer import BCMTrainer, HebbianTrainer, OjaTrainer, SangerTrainer, STDPTrainer

rng = np.random.default_rng(0)
mixing = np.array([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.2, 0.3]])
data = (rng.normal(size=(1000, 3)) @ mixing.T).astype(np.float32)
values, vectors = np.linalg.eigh(np.cov(data.T))
components = vectors[:, ::-1].T

layer = LinearLayer(input_size=3, output_size=1)
trainer = OjaTrainer(layer, learning_rate=0.005, normalize_weights=True, weight_attr="W", compiled=True)
trainer.train(list(data))
w = np.asarray(layer.W.value)[0]
assert abs(w @ components[0]) > 0.99 and abs(np.linalg.norm(w) - 1) < 1e-3
assert np.allclose(trainer.predict(data[0]), layer.forward(data[0]))

layer = LinearLayer(input_size=3, output_size=2)
trainer = SangerTrainer(layer, learning_rate=0.002, normalize_weights=True)
for _ in range(20):
    trainer.train(data)
overlaps = np.abs(np.sum(np.asarray(layer.W.value) * components[:2], axis=1))
assert (overlaps > 0.98).all(), overlaps
assert trainer.predict_batch(data[:5])[0].shape == (2,)

patterns = np.array([[1.0, 0.2], [0.2, 1.0]], np.float32)
layer = LinearLayer(input_size=2, output_size=6, use_bcm_threshold=True, threshold_tau=20.0)
layer.W.value = 0.3 * np.abs(rng.normal(size=(6, 2))).astype(np.float32)
trainer = BCMTrainer(layer, learning_rate=0.05, compiled=True)
trainer.train(patterns[rng.integers(2, size=2000)])
answers = np.asarray(layer.W.value) @ patterns.T
assert (answers.max(axis=1) > 1.2).all() and (np.abs(answers).min(axis=1) < 0.6).all(), answers
assert layer.theta.value.shape == (6,) and layer.use_bcm_threshold and layer.threshold_tau == 20.0

layer = SpikingLayer(
    input_size=20, output_size=1, threshold=1.0, v_reset=0.0, leak=0.9, trace_decay=0.95, dt=1.0
)
layer.W.value = np.full((1, 20), 0.3, np.float32)
spikes = (rng.random((2000, 20)) < 0.01).astype(np.float32)
spikes[::50, :10] = 1  # half of the inputs come together, and make the neuron fire
trainer = STDPTrainer(
    layer, learning_rate=1.0, A_plus=0.005, A_minus=0.00525, weight_attr="W", w_min=0.0, w_max=1.0
)
layer.reset_state()
trainer.train(spikes)
w = np.asarray(layer.W.value)[0]
assert (w >= 0).all() and (w <= 1).all() and not np.allclose(w, 0.3)
assert layer.trace_pre.value.shape == (20,) and layer.trace_post.value.shape == (1,)
assert trainer.predict(spikes[0]).shape == (1,)

network = AmariHopfieldNetwork(num_neurons=100, asyn=False, activation="sign")
trainer = HebbianTrainer(
    network, show_iteration_progress=False, compiled_prediction=True, weight_attr="W",
    subtract_mean=False, zero_diagonal=True, normalize_by_patterns=True, prefer_generic=True,
    state_attr="s", prefer_generic_predict=True, preserve_on_resize=True,
)  # fmt: skip
memories = np.where(rng.random((3, 100)) < 0.5, 1.0, -1.0).astype(np.float32)
trainer.train(list(memories))
trainer.configure_progress(show_iteration_progress=False, compiled_prediction=True)
cue = memories[0].copy()
cue[:15] *= -1
assert np.array_equal(trainer.predict(cue, num_iter=10), memories[0])
assert np.array_equal(np.asarray(trainer.predict_batch(list(memories), num_iter=10)), memories)
print("all rules ran")
