from enum import StrEnum


class DeadLetterState(StrEnum):
    DEAD = "dead"
    RETRYING = "retrying"

    def __str__(self) -> str:
        return str(self.value)
