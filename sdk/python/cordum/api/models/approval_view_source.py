from enum import StrEnum


class ApprovalViewSource(StrEnum):
    OUTPUT = "output"
    POLICY = "policy"
    STEP = "step"

    def __str__(self) -> str:
        return str(self.value)
