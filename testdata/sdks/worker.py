"""A worker of the Python SDK; see README.md."""

import asyncio
import os

import cordum

ID = os.environ["WORKER"]
credential = os.environ.get("CREDENTIAL", "")
worker = cordum.Worker(
    os.environ["NATS_URL"], id=ID, user=ID if credential else "", password=credential, capacity=4
)


@worker.tool("sdks." + ID, "say")
def say(job: cordum.Job, input: dict) -> dict:
    job.progress(50, "half", {"done": 1})
    job.log.info(f"{ID} says {input['text']}")
    return {"text": f"{input['text']} {ID}"}


@worker.tool("sdks." + ID, "hold")
async def hold(job: cordum.Job) -> None:
    job.progress(1, "begun")
    try:
        await asyncio.Event().wait()
    finally:
        if isinstance(job.cause, cordum.Cancelled):
            print("cancelled:", job.cause.reason, flush=True)


worker.run()
