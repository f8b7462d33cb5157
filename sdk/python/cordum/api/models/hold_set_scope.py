from enum import StrEnum


class HoldSetScope(StrEnum):
    ALL = "all"
    TENANT = "tenant"
    TOPIC = "topic"
    WORKFLOW = "workflow"

    def __str__(self) -> str:
        return str(self.value)
