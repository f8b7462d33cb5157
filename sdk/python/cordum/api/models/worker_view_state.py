from enum import StrEnum


class WorkerViewState(StrEnum):
    ALIVE = "alive"
    DRAINING = "draining"
    LOST = "lost"
    SILENT = "silent"

    def __str__(self) -> str:
        return str(self.value)
