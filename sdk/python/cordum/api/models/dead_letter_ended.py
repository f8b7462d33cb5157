from enum import StrEnum


class DeadLetterEnded(StrEnum):
    DENIED = "denied"
    FAILED = "failed"
    HELD = "held"
    TIMED_OUT = "timed_out"

    def __str__(self) -> str:
        return str(self.value)
