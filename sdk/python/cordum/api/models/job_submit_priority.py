from enum import StrEnum


class JobSubmitPriority(StrEnum):
    BATCH = "batch"
    CRITICAL = "critical"
    INTERACTIVE = "interactive"

    def __str__(self) -> str:
        return str(self.value)
