from enum import StrEnum


class BundleViewState(StrEnum):
    CHANGED = "changed"
    DELETED = "deleted"
    DRAFT = "draft"
    PUBLISHED = "published"

    def __str__(self) -> str:
        return str(self.value)
