"""A rule of one's own is guarded by the class that it builds on."""

import jax.numpy as jnp
import numpy as np
import pytest

from canns.models.brain_inspired import LinearLayer
from canns.trainer import LocalTrainer


class InhibitoryTrainer(LocalTrainer):
    """The rule of the chapter, for a target of 4."""

    def __init__(self, model, inhibitory, learning_rate=0.01):
        super().__init__(model, learning_rate)
        self.inhibitory = np.asarray(inhibitory, bool)
        self.w_max = np.where(self.inhibitory, 0.0, np.inf)[None]

    def change(self, W, pre, post):
        stronger = self.learning_rate * jnp.outer(post - 4.0, pre)
        return jnp.where(self.inhibitory, -stronger, 0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param([[1.0]], r"\(1,\)", id="another length"),
        pytest.param([[1.0, np.nan]], "nan", id="nan"),
        pytest.param([], "empty", id="empty"),
    ],
)
def test_bad_samples_are_refused_and_the_model_stays_as_it_was(wrong, words):
    weak = LinearLayer(2, 1, rectify=True)
    weak.W.value = [[3.0, 0.0]]
    with pytest.raises(ValueError, match=words):
        InhibitoryTrainer(weak, [False, True]).train(wrong)
    assert weak.W.value.tolist() == [[3.0, 0.0]]
