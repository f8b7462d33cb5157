from enum import StrEnum


class HoldScope(StrEnum):
    ALL = "all"
    TENANT = "tenant"
    TOPIC = "topic"
    WORKFLOW = "workflow"

    def __str__(self) -> str:
        return str(self.value)
