from enum import StrEnum


class RetentionPartWhy(StrEnum):
    AGE = "age"
    COUNT = "count"
    DEAD_LETTER = "dead_letter"
    LEGAL_HOLD = "legal_hold"
    NOT_SETTLED = "not_settled"
    PARENT = "parent"
    UNREADABLE = "unreadable"

    def __str__(self) -> str:
        return str(self.value)
