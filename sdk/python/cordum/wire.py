"""The wire: packets of the proto package cordum.agent.v1, the subjects they travel on, and what a decision signs.

The message classes are made from the descriptors in _descriptors.py, in a pool of their own: another library in the
same process may bring its own copy of the public protocol, and the default pool takes each name once. It also makes
them work with any runtime of protobuf from 5 on.
"""

from __future__ import annotations

import base64
import struct
import typing

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from . import _descriptors

_PACKAGE = "cordum.agent.v1."


def _load() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    files = descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode("".join(_descriptors.FILES)))
    for file in files.file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_pool = _load()


def _message(name: str) -> typing.Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(_PACKAGE + name))


def _enum(name: str) -> dict[str, int]:
    return {v.name: v.number for v in _pool.FindEnumTypeByName(_PACKAGE + name).values}


BusPacket = _message("BusPacket")
JobRequest = _message("JobRequest")
JobResult = _message("JobResult")
JobProgress = _message("JobProgress")
JobLog = _message("JobLog")
LogLine = _message("LogLine")
Heartbeat = _message("Heartbeat")
JobHold = _message("JobHold")
Handshake = _message("Handshake")
JobBegin = _message("JobBegin")
JobReturn = _message("JobReturn")
Ack = _message("Ack")

_status = _enum("JobStatus")
JOB_STATUS_RUNNING = _status["JOB_STATUS_RUNNING"]
JOB_STATUS_SUCCEEDED = _status["JOB_STATUS_SUCCEEDED"]
JOB_STATUS_FAILED = _status["JOB_STATUS_FAILED"]
JOB_STATUS_CANCELLED = _status["JOB_STATUS_CANCELLED"]
JOB_STATUS_TIMEOUT = _status["JOB_STATUS_TIMEOUT"]
JOB_STATUS_FAILED_RETRYABLE = _status["JOB_STATUS_FAILED_RETRYABLE"]
JOB_STATUS_FAILED_FATAL = _status["JOB_STATUS_FAILED_FATAL"]

_ack = _enum("AckCode")
ACK_OK = _ack["ACK_CODE_OK"]
ACK_STALE = _ack["ACK_CODE_STALE"]
ACK_RETRY = _ack["ACK_CODE_RETRY"]
ACK_INVALID = _ack["ACK_CODE_INVALID"]

ROLE_WORKER = _enum("ComponentRole")["COMPONENT_ROLE_WORKER"]

# What protocol_version of a packet says: CAP v2 speaks wire version 1.
PROTOCOL_VERSION = 1

SUBJECT_CANCEL = "sys.job.cancel"
# Published by an engine that starts: every worker answers with a heartbeat at once.
SUBJECT_ASK_JOBS = "cordum.jobs.ask"
# For attempts that name no answer subject.
SUBJECT_PROGRESS = "sys.job.progress"
SUBJECT_RESULT = "sys.job.result"


def worker_jobs(worker_id: str) -> str:
    """Where the attempts of one worker are sent."""
    return f"worker.{worker_id}.jobs"


def worker_heartbeat(worker_id: str) -> str:
    """Where one worker beats: with a credential of its own it may do so nowhere else."""
    return f"sys.heartbeat.{worker_id}"


def worker_handshake(worker_id: str) -> str:
    """Where one worker says which topics it is ready for."""
    return f"sys.handshake.{worker_id}"


def worker_inbox(worker_id: str) -> str:
    """What the reply subjects of one worker begin with."""
    return f"_INBOX.{worker_id}"


def decision_message(request: typing.Any) -> bytes:
    """What decision_signature signs: the attempt, the job that was decided about, the snapshot and the rule that
    decided, and the constraints, each preceded by its length, behind a word that no other message begins with."""
    parts = [
        request.job_id.encode(),
        request.tenant_id.encode(),
        request.job_hash.encode(),
        request.decision_snapshot.encode(),
        request.decision_rule.encode(),
        request.constraints,
    ]
    return b"cordum decision v1\x00" + b"".join(struct.pack("<Q", len(p)) + p for p in parts)
