"""The worker library: register tools, run, and each job arrives as a call of a Python function with typed input.

    import cordum

    worker = cordum.Worker("nats://127.0.0.1:4222", id="w1", pool="demo")

    @worker.tool("db.postgres", "backup")
    async def backup(job: cordum.Job, input: Backup) -> Copy: ...

    worker.run()

It owns the worker's side of the wire: it beats, takes attempts up to its capacity, asks for leave where a second
execution would hurt, drops what comes twice, and sends each result until it is acknowledged, across lost connections
and restarts of the engine. It keeps nothing on disk: what a killed worker had is resolved by the engine.

It never decides whether a job runs again. A tool says how it failed with Retryable and Fatal; the rest is the step's
retry rule.

Begin reading at Worker.serve in worker.py, then attempt.py, the life of one attempt; outbox.py is how an answer is
waited for. What this library does alike with those in other languages is tested by the vectors in sdk/testdata/vectors.
"""

from .client import APIError, Client
from .constraint import Constraint
from .errors import Cancelled, DrainTimeout, Fatal, Interrupted, Kind, Retryable, Stopped, TimedOut, ToolError
from .job import Job, Lock
from .logs import JobLogHandler
from .version import __version__
from .worker import Worker

__all__ = [
    "APIError",
    "Cancelled",
    "Client",
    "Constraint",
    "DrainTimeout",
    "Fatal",
    "Interrupted",
    "Job",
    "JobLogHandler",
    "Kind",
    "Lock",
    "Retryable",
    "Stopped",
    "TimedOut",
    "ToolError",
    "Worker",
    "__version__",
]
