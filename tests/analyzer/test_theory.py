"""The theory at its ends, for numbers and arrays, and the input that it refuses."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from canns.analyzer import (
    PhaseDiagram,
    critical_state,
    crosstalk_error,
    crosstalk_load,
    mean_field,
    mean_field_overlap,
    phase_diagram,
)
from canns.analyzer.theory import glass_state, glass_temperature


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (crosstalk_error, (-0.1,), "load"),
        (crosstalk_error, (np.nan,), "load"),
        (crosstalk_load, (0.5,), "error"),
        (crosstalk_load, (-0.1,), "error"),
        (mean_field, (0.0,), "load"),
        (mean_field, (-0.1,), "load"),
        (mean_field, (0.1, -0.1), "temperature"),
        (mean_field, (np.inf,), "load"),
        (mean_field_overlap, ([0.1, -0.1],), "load"),
        (critical_state, (1.0,), "temperature"),
        (critical_state, (-0.1,), "temperature"),
        (glass_state, (0.0,), "load"),
        (glass_temperature, (-1.0,), "load"),
        (phase_diagram, (1,), "num_temperatures"),
    ],
)
def test_a_number_out_of_range_is_refused(function, arguments, words):
    with pytest.raises(ValueError, match=words):
        function(*arguments)


def test_at_the_load_zero_no_bit_flips():
    assert crosstalk_error(0.0) == 0
    assert crosstalk_load(0.0) == 0


def test_the_error_of_a_number_is_a_number_and_of_a_list_an_array():
    assert np.ndim(crosstalk_error(0.1)) == 0
    assert crosstalk_error([0.1, 0.2]).shape == (2,)


def test_the_load_is_the_inverse_of_the_error():
    loads = np.linspace(0.01, 2, 50)
    np.testing.assert_allclose(crosstalk_load(crosstalk_error(loads)), loads, rtol=1e-9)


def test_loads_and_temperatures_are_broadcast():
    assert mean_field_overlap([[0.1], [0.2]], [0.0, 0.1, 1.5]).shape == (2, 3)


def test_where_it_is_too_hot_there_is_neither_memory_nor_glass():
    assert mean_field(0.1, 1.0) is None
    assert glass_state(0.04, 1.2) is None


def test_a_cold_memory_is_one_without_noise():
    cold, frozen = mean_field(0.1, 1e-4), mean_field(0.1)
    assert abs(cold.overlap - frozen.overlap) < 1e-6
    assert abs(cold.energy - frozen.energy) < 1e-6


def test_a_cold_glass_differs_from_one_without_noise_in_proportion_to_temperature():
    cold, frozen = glass_state(0.1, 1e-4), glass_state(0.1)
    assert 0 < abs(cold.crosstalk - frozen.crosstalk) < 1e-4


@pytest.mark.parametrize("load", [0.01, 0.3, 2.0])
def test_the_glass_melts_gradually_at_its_temperature(load):
    almost = glass_state(load, glass_temperature(load) - 1e-3)
    assert 0 < almost.frozen < 5e-3


def test_a_phase_diagram_is_drawn_with_labels_on_the_present_axes():
    drawn = PhaseDiagram(*np.ones((3, 2))).plot()
    assert drawn.get_ylabel()
    assert drawn is plt.gca()
    plt.close()
