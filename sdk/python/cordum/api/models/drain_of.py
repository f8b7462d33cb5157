from enum import StrEnum


class DrainOf(StrEnum):
    POOL = "pool"
    WORKER = "worker"

    def __str__(self) -> str:
        return str(self.value)
