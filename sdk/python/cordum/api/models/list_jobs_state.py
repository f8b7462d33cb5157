from enum import StrEnum


class ListJobsState(StrEnum):
    APPROVAL_REQUIRED = "approval_required"
    CANCELLED = "cancelled"
    DENIED = "denied"
    DISPATCHED = "dispatched"
    FAILED = "failed"
    PENDING = "pending"
    RUNNING = "running"
    SCHEDULED = "scheduled"
    SUCCEEDED = "succeeded"
    TIMEOUT = "timeout"

    def __str__(self) -> str:
        return str(self.value)
