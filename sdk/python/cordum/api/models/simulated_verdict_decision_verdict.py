from enum import StrEnum


class SimulatedVerdictDecisionVerdict(StrEnum):
    ALLOW = "ALLOW"
    ALLOW_WITH_CONSTRAINTS = "ALLOW_WITH_CONSTRAINTS"
    DENY = "DENY"
    REQUIRE_APPROVAL = "REQUIRE_APPROVAL"

    def __str__(self) -> str:
        return str(self.value)
