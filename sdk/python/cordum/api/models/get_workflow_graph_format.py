from enum import StrEnum


class GetWorkflowGraphFormat(StrEnum):
    ASCII = "ascii"
    DOT = "dot"
    JSON = "json"
    MERMAID = "mermaid"

    def __str__(self) -> str:
        return str(self.value)
