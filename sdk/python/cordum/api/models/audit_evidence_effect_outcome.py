from enum import StrEnum


class AuditEvidenceEffectOutcome(StrEnum):
    HAD = "had"
    NONE = "none"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return str(self.value)
