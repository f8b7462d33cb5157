from enum import StrEnum


class FleetConfigName(StrEnum):
    POOLS = "pools"
    TIMEOUTS = "timeouts"

    def __str__(self) -> str:
        return str(self.value)
