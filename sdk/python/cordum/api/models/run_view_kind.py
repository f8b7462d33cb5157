from enum import StrEnum


class RunViewKind(StrEnum):
    JOB = "job"
    WORKFLOW = "workflow"

    def __str__(self) -> str:
        return str(self.value)
