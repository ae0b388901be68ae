"""The learning rules beside plain NumPy, canns 1.5.0 and Brian2: python -m tests.bench.learning_rules."""

import numpy as np

from canns.models.brain_inspired import LinearLayer, SpikingLayer
from canns.stimuli import image_patches
from canns.trainer import BCMTrainer, STDPTrainer
from tests.bench.tools import PEERS, compared, finish, peer, timed

rng = np.random.default_rng(0)
rows = []

# --- BCM, 144 -> 4 -----------------------------------------------------------------------------------
patches = image_patches(20_000, size=12, seed=0)
patches = (patches - patches.mean(axis=0)) / patches.std()
W0 = (0.01 * rng.standard_normal((4, 144))).astype(np.float32)
RATE, TAU = 1e-4, 100.0


def bcm(samples: np.ndarray) -> np.ndarray:
    """With the library."""
    layer = LinearLayer(144, 4, use_bcm_threshold=True, threshold_tau=TAU)
    layer.W.value = W0
    BCMTrainer(layer, learning_rate=RATE).train(samples)
    return np.asarray(layer.W.value)


def bcm_loop(samples: np.ndarray) -> np.ndarray:
    """One sample after another, in NumPy."""
    W, theta = W0.copy(), np.full(4, 0.1, np.float32)
    for x in samples:
        y = W @ x
        W += RATE * np.outer(y * (y - theta), x)
        theta += (y**2 - theta) / TAU
    return W


np.testing.assert_allclose(bcm(patches), bcm_loop(patches), rtol=0.02, atol=1e-3)
loop, ours = timed(lambda: bcm_loop(patches), lambda: bcm(patches), repeats=5)
JOB = "BCM, 144 inputs, 4 neurons, 20,000 samples"
rows.append(compared(JOB, "a NumPy loop", loop, ours, 3))

if PEERS:
    CODE = """
import json, sys, time
import numpy as np
from canns.models.brain_inspired import LinearLayer
from canns.trainer import BCMTrainer
samples = np.random.default_rng(0).standard_normal((2000, 144)).astype(np.float32)
trainer = BCMTrainer(LinearLayer(144, 4, use_bcm_threshold=True), learning_rate=1e-6)
trainer.train(samples)
seconds = []
for _ in range(3):
    start = time.perf_counter()
    trainer.train(samples)
    np.asarray(trainer.model.W.value)
    seconds.append(time.perf_counter() - start)
print(json.dumps(sorted(seconds)[1]))
"""
    theirs = 10 * peer(CODE, "canns==1.5.0")  # it had 2,000 samples: time grows in proportion
    rows.append(compared(JOB, "canns 1.5.0 (ten times its time for 2,000)", theirs, ours, 50))

# --- STDP in the loop, 512 -> 512 --------------------------------------------------------------------
STEPS, SIZE = 1000, 512
spikes = (rng.random((STEPS, SIZE)) < 0.02).astype(np.float32)
V0 = rng.uniform(0, 0.022, (SIZE, SIZE)).astype(np.float32)
A_PLUS, A_MINUS, DECAY, LEAK = 5e-5, 5.25e-5, 0.95, 0.9
layer = SpikingLayer(SIZE, SIZE, leak=LEAK, trace_decay=DECAY)


def stdp() -> np.ndarray:
    """With the library."""
    layer.W.value = V0
    STDPTrainer(layer, learning_rate=1.0, A_plus=A_PLUS, A_minus=A_MINUS).train(spikes)
    return np.asarray(layer.W.value)


def stdp_loop() -> tuple[np.ndarray, int]:
    """The same network, step by step in NumPy; only what a spike touches is computed."""
    W, v = V0.copy(), np.zeros(SIZE, np.float32)
    r_pre, r_post, count = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32), 0
    for x in spikes:
        came = np.flatnonzero(x)
        v = LEAK * v + W @ x
        fired = np.flatnonzero(v >= 1)
        v[fired] = 0
        r_pre *= DECAY
        r_post *= DECAY
        W[fired] += A_PLUS * r_pre
        W[:, came] -= A_MINUS * r_post[:, None]
        W[fired] = np.clip(W[fired], 0, 1)
        W[:, came] = np.clip(W[:, came], 0, 1)
        r_pre[came] += 1
        r_post[fired] += 1
        count += len(fired)
    return W, count


reference, fired = stdp_loop()
wrong = np.mean(np.abs(stdp() - reference) > 1e-4)
print(
    f"STDP: output at {fired / STEPS / SIZE:.3f} spikes per step, {wrong:.2%} of the weights differ"
)
assert (
    wrong < 0.01
)  # a potential within rounding of the threshold may fire in one and not in the other
loop, ours = timed(stdp_loop, stdp, repeats=5)
JOB = "STDP in the loop, 512 to 512 neurons, 1,000 steps, 2 % of inputs spiking"
rows.append(compared(JOB, "event-driven NumPy", loop, ours, 1))

if PEERS:
    SHARED = """
import json, sys, time
import numpy as np
rng = np.random.default_rng(0)
spikes = (rng.random((1000, 512)) < 0.02).astype(np.float32)
V0 = rng.uniform(0, 0.022, (512, 512)).astype(np.float32)
"""
    CODE = (
        SHARED
        + """
from canns.models.brain_inspired import SpikingLayer
from canns.trainer import STDPTrainer
layer = SpikingLayer(512, 512, leak=0.9, trace_decay=0.95)
trainer = STDPTrainer(layer, 1.0, 5e-5, 5.25e-5)
seconds = []
for _ in range(4):
    layer.W.value = V0
    start = time.perf_counter()
    trainer.train(spikes)
    np.asarray(layer.W.value)
    seconds.append(time.perf_counter() - start)
print(json.dumps(sorted(seconds[1:])[1]))
"""
    )
    ours = peer(
        CODE
    )  # the same program, alone like the others: NumPy's threads go on waiting for work
    rows.append(compared(JOB, "canns 1.5.0", peer(CODE, "canns==1.5.0"), ours, 5))
    CODE = (
        SHARED
        + """
from brian2 import *
prefs.codegen.target = "cython"
defaultclock.dt = 1*ms
steps, inputs = np.nonzero(spikes)
source = SpikeGeneratorGroup(512, inputs, steps * ms)
# The potential is multiplied by 0.9 per step, traces by 0.95, as in the other two programs.
neurons = NeuronGroup(512, "dv/dt = -v / tau : 1", threshold="v >= 1", reset="v = 0", method="exact",
                      namespace={"tau": -1*ms / np.log(0.9)})
synapses = Synapses(source, neurons, '''w : 1
    dapre/dt = -apre / tau_trace : 1 (event-driven)
    dapost/dt = -apost / tau_trace : 1 (event-driven)''',
    on_pre='''v_post += w
    apre += 1
    w = clip(w - 5.25e-5 * apost, 0, 1)''',
    on_post='''apost += 1
    w = clip(w + 5e-5 * apre, 0, 1)''',
    namespace={"tau_trace": -1*ms / np.log(0.95)})
synapses.connect()
synapses.w = V0.T.ravel()
store()
seconds = []
for _ in range(4):
    restore()
    start = time.perf_counter()
    run(1000*ms)
    seconds.append(time.perf_counter() - start)
print(json.dumps(sorted(seconds[1:])[1]))
"""
    )
    theirs = peer(CODE, "brian2==2.9.0", "numpy<2.3", "cython", "setuptools")
    rows.append(compared(JOB, "Brian2 (cython)", theirs, ours, 50))

finish(rows)
