from enum import StrEnum


class RetentionPartKind(StrEnum):
    JOB = "job"
    WORKFLOW = "workflow"

    def __str__(self) -> str:
        return str(self.value)
