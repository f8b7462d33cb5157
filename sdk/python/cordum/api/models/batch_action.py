from enum import StrEnum


class BatchAction(StrEnum):
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    ROLLBACK = "rollback"

    def __str__(self) -> str:
        return str(self.value)
