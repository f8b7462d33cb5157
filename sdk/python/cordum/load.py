"""How busy the machine is, as far as it says so."""

from __future__ import annotations

# How many ticks two readings are apart at least, of all processors together: a second of one. A share of fewer says
# little.
_LEAST_TICKS = 100


class CPULoad:
    """The share of time in which the processors were busy between two readings, 0 to 100; the first answers 0."""

    def __init__(self, path: str = "/proc/stat") -> None:
        self._path = path
        self._busy = self._all = 0  # as of the last reading that counted
        self._said = 0.0  # by it

    def percent(self) -> float:
        """Since an earlier reading; 0 where the system does not say."""
        return self.note(*self._read())

    def note(self, busy: int, total: int) -> float:
        """Takes a reading, in ticks since the system's start."""
        passed = total - self._all
        if self._all and 0 <= passed < _LEAST_TICKS:
            return self._said
        share = (busy - self._busy) / passed if self._all and passed > 0 else 0.0
        self._busy, self._all, self._said = busy, total, min(max(share * 100, 0.0), 100.0)
        return self._said

    def _read(self) -> tuple[int, int]:
        try:
            with open(self._path, encoding="ascii") as f:
                ticks = [int(t) for t in f.readline().split()[1:9]]
        except (OSError, ValueError):
            return 0, 0
        idle = sum(ticks[3:5])
        return sum(ticks) - idle, sum(ticks)
