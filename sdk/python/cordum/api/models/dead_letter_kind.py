from enum import StrEnum


class DeadLetterKind(StrEnum):
    COMPENSATION = "compensation"
    JOB = "job"
    STEP = "step"

    def __str__(self) -> str:
        return str(self.value)
