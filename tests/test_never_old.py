"""A compiled call does what an uncompiled call would do now."""

import dataclasses
import functools
import sys
import types
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from canns.models.brain_inspired import AmariHopfieldNetwork, LinearLayer
from canns.state import Number, Record, State, boxes, lift, per_model, values_of
from canns.trainer.local import LocalTrainer

GAIN = 2.0
TABLE = {"gain": 2.0}
ARRAY = np.array([2.0])
WHOLE = np.array(2.0)[None]


def helper(x):
    return GAIN * x


@jax.jit
def jitted(x):
    return JITTED_GAIN * x


JITTED_GAIN = 2.0
functools_gain = functools.partial(lambda gain, x: gain * x, 2.0)


@dataclasses.dataclass
class Settings:
    gain: float = 2.0


class Plain:
    def __init__(self):
        self.gain = 2.0


class Base:
    base_gain = 2.0

    def factor(self):
        return self.base_gain


class Net(Base):
    gain = 2.0

    def __init__(self):
        self.s = State(1.0)
        self.own = 2.0
        self.namespace, self.data, self.plain = SimpleNamespace(gain=2.0), Settings(), Plain()
        self.members, self.table = {1, 2}, {"gain": [2.0]}
        self.array, self.whole = np.array([2.0]), np.array([2.0])
        self.held = {"tables": [np.array([2.0])]}
        self.function = lambda x: 2.0 * x
        self.closed, self.cell = closure()

    def update(self):
        x = self.s.value * self.gain * self.own * self.namespace.gain * self.data.gain
        x = x * self.plain.gain * len(self.members) * self.table["gain"][0] * self.array[0]
        x = self.function(x) * self.factor() * TABLE["gain"] * ARRAY[0] * MODULE.gain
        x = jnp.sum(x * self.whole * WHOLE * self.held["tables"][0])
        self.s.value = self.closed(functools_gain(jitted(helper(x))))


def closure():
    gain = 2.0

    def closed(x):
        return gain * x

    def change(value):
        nonlocal gain
        gain = value

    return closed, change


MODULE = types.ModuleType("somebody_elses_file")
MODULE.gain = 2.0


@per_model
def compiled(net, values):
    return lift(net.update, boxes(net))(values)[0]["s"]


def answers(net):
    """What a compiled and an uncompiled call give."""
    values = values_of(boxes(net))
    fast = float(compiled(net, values))
    with jax.disable_jit():
        return fast, float(compiled(net, values))


def agree(net):
    fast, plain = answers(net)
    assert fast == pytest.approx(plain, rel=1e-6), "the compiled call gave the old answer"
    return fast


def made_helper(value):
    namespace = {}
    exec(f"def helper(x):\n    return {value} * x", namespace)
    return namespace["helper"]


def new_helper(value):
    globals()["helper"] = made_helper(value)


def new_code(value):
    """What a tool does that loads a changed file again: the function stays, its code is another."""
    helper.__code__ = made_helper(value).__code__


KINDS = {
    "a plain attribute": lambda net, v: setattr(net, "own", v),
    "a class attribute": lambda net, v: setattr(Net, "gain", v),
    "a class attribute, hidden by a new one": lambda net, v: setattr(Net, "base_gain", v),
    "an attribute of the base class": lambda net, v: setattr(Base, "base_gain", v),
    "a method patched in the base class": lambda net, v: setattr(Base, "factor", lambda self: v),
    "a field of a namespace": lambda net, v: setattr(net.namespace, "gain", v),
    "a field of a dataclass": lambda net, v: setattr(net.data, "gain", v),
    "a field of a plain object": lambda net, v: setattr(net.plain, "gain", v),
    "a set": lambda net, v: net.members.add(v),
    "a list in a dictionary": lambda net, v: net.table["gain"].__setitem__(0, v),
    "an array": lambda net, v: net.array.__setitem__(0, v),
    "a whole array": lambda net, v: net.whole.__setitem__(0, v),
    "a whole array in a list": lambda net, v: net.held["tables"][0].__setitem__(0, v),
    "a whole global array": lambda net, v: WHOLE.__setitem__(0, v),
    "a function in an attribute": lambda net, v: setattr(net, "function", lambda x: v * x),
    "a closure's variable": lambda net, v: net.cell(v),
    "a global number": lambda net, v: globals().update(GAIN=v),
    "a global dictionary": lambda net, v: TABLE.update(gain=v),
    "a global array": lambda net, v: ARRAY.__setitem__(0, v),
    "an attribute of a module": lambda net, v: setattr(MODULE, "gain", v),
    "a helper, defined again": lambda net, v: new_helper(v),
    "the code of a helper": lambda net, v: new_code(v),
    "a number in a compiled helper": lambda net, v: globals().update(JITTED_GAIN=v),
    "a partial function": lambda net, v: globals().update(
        functools_gain=functools.partial(lambda gain, x: gain * x, v)
    ),
}


@pytest.fixture
def net():
    """A network whose program reaches everything above; afterwards all is as before."""
    module = sys.modules[__name__]
    before = {k: v for k, v in vars(module).items() if not k.startswith("__")}
    kept = [(c, {k: v for k, v in vars(c).items() if not k.startswith("__")}) for c in (Net, Base)]
    code = helper.__code__
    yield Net()
    for cls, attributes in kept:
        for name in [k for k in vars(cls) if not k.startswith("__") and k not in attributes]:
            delattr(cls, name)
        for name, value in attributes.items():
            setattr(cls, name, value)
    vars(module).update(before)
    before["helper"].__code__ = code
    TABLE["gain"], ARRAY[0], WHOLE[0], MODULE.gain = 2.0, 2.0, 2.0, 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_seen(net, kind):
    before = agree(net)
    KINDS[kind](net, 3.0)
    assert agree(net) != before


def test_changes_at_random_are_seen(net):
    rng = np.random.default_rng(0)
    kinds = [kind for kind in KINDS if kind != "a set"]
    for step in range(60):
        KINDS[kinds[rng.integers(len(kinds))]](net, float(rng.integers(1, 5)))
        if step % 7 == 0:
            net.members.add(int(rng.integers(1, 9)))
        agree(net)


def test_what_changed_back_is_not_compiled_again(net, compilations):
    global GAIN
    agree(net)
    GAIN = 3.0
    agree(net)
    compilations.new()
    for value in (2.0, 3.0, 2.0):
        GAIN = value
        agree(net)
    assert "jit(run)" not in compilations.new()


def test_equal_objects_share_a_program(compilations):
    first, second = Plain(), Plain()

    @per_model
    def double(model, x):
        return 2 * x * model.gain

    double(first, jnp.ones(3))
    compilations.new()
    double(second, jnp.ones(3))
    assert compilations.new() == []
    second.gain = 5.0
    np.testing.assert_array_equal(double(second, jnp.ones(3)), [10, 10, 10])


def test_a_record_cannot_be_read_by_a_compiled_method():
    class Counting(LinearLayer):
        calls = Record(0)

        def forward(self, x):
            return super().forward(x) * self.calls

    class Hebb(LocalTrainer):
        def change(self, W, pre, post):
            return self.learning_rate * jnp.outer(post, pre)

    with pytest.raises(RuntimeError, match=r"Counting\.calls, a record"):
        Hebb(Counting(3, 2)).train([[1.0, 0.0, 1.0]])


def test_a_rule_of_ones_own_sees_a_helper_that_was_mended():
    class Rule(LocalTrainer):
        rate = Number(1.0)

        def change(self, W, pre, post):
            return self.rate * scale(jnp.outer(jnp.ones_like(post), pre))

    def learn():
        layer = LinearLayer(2, 1, weight_scale=0.0)
        Rule(layer).train([[1.0, 2.0]])
        return layer.W.value.tolist()

    scale = lambda x: x  # noqa: E731
    assert learn() == [[1.0, 2.0]]
    scale = lambda x: -x  # noqa: E731
    assert learn() == [[-1.0, -2.0]]


def test_a_mistake_in_a_property_is_shown_and_not_taken_for_nothing():
    class Wrong(AmariHopfieldNetwork):
        @property
        def energy(self):
            return self.wieghts.sum()

        @property
        def storage_capacity(self):
            return self.sixe

    from canns.trainer import HebbianTrainer

    net = Wrong(4)
    with pytest.raises(AttributeError, match="sixe"):
        HebbianTrainer(net).train([[1, 1, -1, -1]])
    assert np.asarray(net.W).sum() == 0
    net.W.value = np.ones((4, 4))
    with pytest.raises(AttributeError, match="wieghts"):
        HebbianTrainer(net).predict([1, 1, -1, -1])


def test_models_are_let_go(compilations):
    import gc
    import weakref

    net = AmariHopfieldNetwork(30)
    from canns.trainer import HebbianTrainer

    trainer = HebbianTrainer(net)
    trainer.train([np.ones(30)])
    trainer.predict(np.ones(30))
    alive = weakref.ref(net)
    del net, trainer
    gc.collect()
    assert alive() is None


class Layer(LinearLayer):
    """A layer to plant mistakes in."""


def rule(body):
    return type("Rule", (LocalTrainer,), {"change": body})


def test_an_attribute_that_a_compiled_method_changes_is_refused_with_words_and_brought_back():
    def change(self, W, pre, post):
        self.trace = self.trace + pre
        return jnp.outer(post, self.trace)

    trainer = rule(change)(Layer(3, 2))
    trainer.trace = before = jnp.zeros(3)
    with pytest.raises(TypeError, match=r"Rule\.trace changed .* State"):
        trainer.train([[1.0, 0.0, 1.0]])
    assert trainer.trace is before


def test_a_counter_in_a_compiled_method_is_refused():
    def change(self, W, pre, post):
        self.calls += 1
        return jnp.outer(post, pre)

    trainer = rule(change)(Layer(3, 2))
    trainer.calls = 0
    with pytest.raises(TypeError, match=r"Rule\.calls changed"):
        trainer.train([[1.0, 0.0, 1.0]])
    assert trainer.calls == 0


def test_a_box_that_is_replaced_in_a_plain_class_is_refused():
    class Own:
        def __init__(self):
            self.W, self.s = State(jnp.zeros((4, 4))), State(jnp.ones(4))

        def update(self):
            self.s = jnp.sign(self.W.value @ self.s.value)

    from canns.trainer import HebbianTrainer

    model = Own()
    trainer = HebbianTrainer(model)
    trainer.train([[1, 1, 1, -1]])
    with pytest.raises(TypeError, match=r"Own\.s changed"):
        trainer.predict([1, 1, 1, -1])
    assert isinstance(model.s, State)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            lambda self, W, pre, post: jnp.outer(pre, post),
            r"must return shape \(2, 3\); got shape \(3, 2\)",
        ),
        (lambda self, W, pre, post: None, "got nothing"),
        (lambda self, W, pre, post: 0.1, r"got shape \(\)"),
    ],
)
def test_a_change_of_another_shape_is_refused(body, words):
    layer = Layer(3, 2)
    before = np.asarray(layer.W)
    with pytest.raises(TypeError, match=words):
        rule(body)(layer).train([[1.0, 0.0, 1.0]])
    np.testing.assert_array_equal(layer.W, before)


@pytest.mark.parametrize(
    ("energy", "words"),
    [
        (property(lambda self: self.s.value), r"one number; got shape \(4,\)"),
        (property(lambda self: None), "got nothing"),
        (lambda self: 1.0, "must be a property"),
    ],
)
def test_an_energy_that_is_no_number_is_refused(energy, words):
    from canns.trainer import HebbianTrainer

    model = type("Own", (AmariHopfieldNetwork,), {"energy": energy})(4)
    trainer = HebbianTrainer(model)
    trainer.train([[1, 1, 1, -1]])
    with pytest.raises(TypeError, match=words):
        trainer.predict([1, 1, 1, -1])
