from enum import StrEnum


class EffectViewState(StrEnum):
    DONE = "done"
    NONE = "none"
    RUNNING = "running"
    UNDONE = "undone"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return str(self.value)
