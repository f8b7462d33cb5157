from enum import StrEnum


class VerdictDecision(StrEnum):
    APPROVE = "approve"
    DENY = "deny"
    SEND_BACK = "send_back"

    def __str__(self) -> str:
        return str(self.value)
