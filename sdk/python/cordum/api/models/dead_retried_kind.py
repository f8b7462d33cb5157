from enum import StrEnum


class DeadRetriedKind(StrEnum):
    COMPENSATION = "compensation"
    JOB = "job"
    STEP = "step"

    def __str__(self) -> str:
        return str(self.value)
