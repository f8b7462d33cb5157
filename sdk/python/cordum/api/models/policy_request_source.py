from enum import StrEnum


class PolicyRequestSource(StrEnum):
    API = "api"
    COMPENSATION = "compensation"
    REDRIVE = "redrive"
    RETRY = "retry"
    STEP = "step"

    def __str__(self) -> str:
        return str(self.value)
