from enum import StrEnum


class LockHolderKind(StrEnum):
    EXTERNAL = "external"
    JOB = "job"

    def __str__(self) -> str:
        return str(self.value)
