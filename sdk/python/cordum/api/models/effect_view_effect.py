from enum import StrEnum


class EffectViewEffect(StrEnum):
    IRREVERSIBLE = "irreversible"
    NONE = "none"
    READ = "read"
    WRITE = "write"

    def __str__(self) -> str:
        return str(self.value)
