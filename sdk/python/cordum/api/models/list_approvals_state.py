from enum import StrEnum


class ListApprovalsState(StrEnum):
    APPROVED = "approved"
    CANCELLED = "cancelled"
    CONSUMED = "consumed"
    DENIED = "denied"
    EXPIRED = "expired"
    SENT_BACK = "sent_back"
    WAITING = "waiting"

    def __str__(self) -> str:
        return str(self.value)
