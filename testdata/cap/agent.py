"""A worker of CAP's runtime: serves two topics at NATS_URL, with its payloads at REDIS_URL, until it is killed."""

import asyncio
import os

from cap.runtime import Agent

agent = Agent(worker_id="agent", pool="migrations", max_parallel=4, heartbeat_interval=1.0)


@agent.job("job.storage.s3.snapshot")
async def snapshot(ctx, data):
    print("begin", ctx.job_id, flush=True)
    return {"snapshot": "files-1", "input": data}


@agent.job("job.db.postgres.migrate")
async def migrate(ctx, data):
    print("begin", ctx.job_id, flush=True)
    return {"migrated_to": data["version"]}


asyncio.run(agent.run())
