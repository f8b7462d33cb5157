from enum import StrEnum


class LockViewState(StrEnum):
    FREE = "free"
    HELD = "held"

    def __str__(self) -> str:
        return str(self.value)
