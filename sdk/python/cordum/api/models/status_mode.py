from enum import StrEnum


class StatusMode(StrEnum):
    DEV = "dev"
    SERVER = "server"

    def __str__(self) -> str:
        return str(self.value)
