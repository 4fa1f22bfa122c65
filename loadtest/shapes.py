"""Locust's view of a burst: how many users there are at each moment, and when it is over.

Importing this imports Locust, which patches the process for gevent.
"""

from __future__ import annotations

from locust import LoadTestShape

from loadtest.phases import Phase, phase_at, phases
from loadtest.recorder import Recorder

SPAWN_PER_S = 100


class BurstShape(LoadTestShape):
    """Quiet, burst, tail; ends by itself after `run_s`, or when the recorder's claims are used up."""

    abstract = False

    def __init__(self, recorder: Recorder, *, run_s: float, buyers_len_max: int, watchers_len: int) -> None:
        """`watchers_len` watchers stay for the whole run; Locust counts them among its users."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._recorder = recorder
        self._course = phases(run_s, buyers_len_max)
        self._watchers_len = watchers_len

    @property
    def phase(self) -> Phase | None:
        """The phase that the run is in, None when it is over."""
        return phase_at(self._course, self.get_run_time())  # type: ignore[no-untyped-call]

    def tick(self) -> tuple[int, float] | None:
        """Answer Locust's question, asked every second: how many users from now on; None ends the run."""
        phase = self.phase
        if phase is None or self._recorder.is_spent:
            return None
        return phase.buyers_len + self._watchers_len, SPAWN_PER_S
