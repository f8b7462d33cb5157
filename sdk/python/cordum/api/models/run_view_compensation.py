from enum import StrEnum


class RunViewCompensation(StrEnum):
    DONE = "done"
    HELD = "held"
    NONE = "none"
    RUNNING = "running"

    def __str__(self) -> str:
        return str(self.value)
