from enum import StrEnum


class LogLineStream(StrEnum):
    DEBUG = "debug"
    ERROR = "error"
    INFO = "info"
    STDERR = "stderr"
    STDOUT = "stdout"
    WARN = "warn"

    def __str__(self) -> str:
        return str(self.value)
