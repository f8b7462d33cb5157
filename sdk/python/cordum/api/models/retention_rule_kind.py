from enum import StrEnum


class RetentionRuleKind(StrEnum):
    JOB = "job"
    WORKFLOW = "workflow"

    def __str__(self) -> str:
        return str(self.value)
