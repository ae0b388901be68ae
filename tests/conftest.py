"""What the tests share."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).resolve().parents[1]


class Compilations:
    """Programs that JAX compiles, counted."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, event: str, seconds: float, **about: object) -> None:
        if "backend_compile" in event:
            self.names.append(str(about.get("fun_name", "?")))

    def new(self) -> list[str]:
        """Those since the last look, by name."""
        names, self.names = self.names, []
        return names


@pytest.fixture(scope="session")
def _listener() -> Compilations:
    import jax

    counter = Compilations()
    jax.monitoring.register_event_duration_secs_listener(counter)
    return counter


@pytest.fixture
def compilations(_listener: Compilations) -> Compilations:
    """Counts what is compiled from here on: ``compilations.new()``."""
    _listener.new()
    return _listener
