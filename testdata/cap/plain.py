"""A worker of CAP's plainest kind: serves TOPIC at NATS_URL until it is killed."""

import asyncio
import os

from cap.pb.cordum.agent.v1 import job_pb2
from cap.worker import run_worker

PAUSE = float(os.environ.get("PAUSE", "0"))


async def handle(request):
    print("begin", request.job_id, request.env["step_id"], flush=True)
    await asyncio.sleep(PAUSE)
    print("end", request.job_id, flush=True)
    return job_pb2.JobResult(
        job_id=request.job_id,
        status=job_pb2.JOB_STATUS_SUCCEEDED,
        artifact_ptrs=["s3://backups/" + request.env["step_id"]],
    )


asyncio.run(run_worker(os.environ["NATS_URL"], os.environ["TOPIC"], handle, sender_id="plain"))
