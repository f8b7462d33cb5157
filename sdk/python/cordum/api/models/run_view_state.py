from enum import StrEnum


class RunViewState(StrEnum):
    CANCELLED = "cancelled"
    FAILED = "failed"
    FAULTED = "faulted"
    PAUSED = "paused"
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    TIMED_OUT = "timed_out"
    WAITING = "waiting"

    def __str__(self) -> str:
        return str(self.value)
