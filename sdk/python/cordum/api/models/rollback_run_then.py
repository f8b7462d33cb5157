from enum import StrEnum


class RollbackRunThen(StrEnum):
    FAIL = "fail"
    PAUSE = "pause"
    RETRY = "retry"

    def __str__(self) -> str:
        return str(self.value)
