from enum import StrEnum


class RedriveState(StrEnum):
    DONE = "done"
    DRY_RUN = "dry_run"
    RUNNING = "running"
    STOPPED = "stopped"

    def __str__(self) -> str:
        return str(self.value)
