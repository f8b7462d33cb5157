"""The library does what the libraries in other languages do."""

from __future__ import annotations

import asyncio
import base64
import json
import typing
import unittest
from unittest import mock

from google.protobuf import json_format
from google.protobuf.message import DecodeError

import cordum
from cordum import attempt, constraint, errors, limits, link, logs, outbox, progress, text, wire
from cordum.job import job_of

from . import vectors


def request_of(fields: dict[str, typing.Any]) -> typing.Any:
    """A JobRequest of proto3 JSON."""
    return json_format.ParseDict(fields, wire.JobRequest())


class Vectors(unittest.TestCase):
    def test_all(self) -> None:
        files = sorted(vectors.FOLDER.glob("*.json"))
        self.assertGreaterEqual(len(files), 15)
        for file in files:
            kind, cases = vectors.load(file)
            run = getattr(self, "run_" + kind, None)
            self.assertIsNotNone(run, f"{file.name} is of the unknown kind {kind}")
            self.assertTrue(cases, file.name)
            for case in cases:
                with self.subTest(kind=kind, case=case["name"]):
                    given, want = vectors.Fields(case["in"]), vectors.Fields(case["want"])
                    run(given, want)
                    self.assertEqual((given.unread, want.unread), (set(), set()), "nobody looked at these fields")

    def run_packet(self, given: vectors.Fields, want: vectors.Fields) -> None:
        raw = bytes.fromhex(given["hex"])
        if want.get("malformed"):
            with self.assertRaises(DecodeError):
                wire.BusPacket.FromString(raw)
            return
        got = wire.BusPacket.FromString(raw)
        packet = json_format.ParseDict(want["packet"], wire.BusPacket())
        if want.get("unknown"):
            got.DiscardUnknownFields()
        self.assertEqual(got, packet)
        if not want.get("unknown"):
            self.assertEqual(packet.SerializeToString(deterministic=True).hex(), given["hex"])

    def run_name(self, given: vectors.Fields, want: vectors.Fields) -> None:
        if "subjects_of" in given:
            worker = given["subjects_of"]
            for name in ("jobs", "heartbeat", "handshake", "inbox"):
                self.assertEqual(getattr(wire, "worker_" + name)(worker), want[name])
        elif "worker_id" in given:
            self._check(lambda: text.check_worker_id(given["worker_id"]), want)
        elif "topic" in given:
            self._check(lambda: text.check_topic(given["topic"]), want)
        else:
            self._check(lambda: self.assertEqual(text.tool_topic(given["pack"], given["tool"]), want["topic"]), want)

    def _check(self, check: typing.Callable[[], None], want: vectors.Fields) -> None:
        try:
            check()
        except ValueError:
            self.assertFalse(want.get("valid"))
        else:
            self.assertTrue(want.get("valid"))

    def run_key(self, given: vectors.Fields, want: vectors.Fields) -> None:
        key = text.key_of(given["job_id"], bytes.fromhex(given["token_hex"]))
        self.assertEqual(key.hex(), want["key_hex"])

    def run_remembered(self, given: vectors.Fields, want: vectors.Fields) -> None:
        known = text.Remembered(given["limit"])
        for key in given["add"]:
            known.add(key.encode())
        for key in want.get("has", []):
            self.assertIn(key.encode(), known)
        for key in want.get("has_not", []):
            self.assertNotIn(key.encode(), known)

    def run_clip(self, given: vectors.Fields, want: vectors.Fields) -> None:
        raw = bytes.fromhex(given["text_hex"])
        if given.get("bytes"):  # a text of Python has no invalid bytes, but may have halves of characters
            raw = raw.decode(errors="surrogateescape").encode(errors="surrogatepass")
            got = text.clip(raw.decode(errors="surrogatepass"), given["max"])
        else:
            got = text.clip(raw.decode(), given["max"])
        self.assertEqual(got, want.get("text", ""))

    def run_backoff(self, given: vectors.Fields, want: vectors.Fields) -> None:
        after, count = given["after"], given["count"]
        first = {"silence": limits.SILENCE_MIN, "refused": limits.REFUSED_MIN}.get(after)
        waits = [outbox.ask_again_ms(first, count) if first else link.reconnect_delay_ms(count) for _ in range(200)]
        self.assertGreaterEqual(min(waits), want["min_ms"])
        self.assertLessEqual(max(waits), want["max_ms"])
        self.assertNotEqual(min(waits), max(waits), "a herd would not spread")

    def run_failure(self, given: vectors.Fields, want: vectors.Fields) -> None:
        raised = given["raised"]
        ending = {"cancelled": errors.Cancelled("r"), "timed_out": errors.TimedOut(), "stopped": errors.Stopped()}
        cause = ending.get(given.get("ended") or raised["kind"])
        message, code = raised.get("message", ""), raised.get("code", "")
        kinds = {"error": cordum.ToolError, "retryable": cordum.Retryable, "fatal": cordum.Fatal}
        exceptions: list[BaseException]
        if raised["kind"] in kinds:
            exceptions = [kinds[raised["kind"]](code, message, details=raised.get("details"))]
        elif raised["kind"] in ending:
            exceptions = [asyncio.CancelledError(), typing.cast(BaseException, cause)]
        else:
            exceptions = [SystemExit(message) if raised["kind"] == "panic" else RuntimeError(message)]
        code, status = want["code"], want["status"]
        message, details = want.get("message"), want.get("details")
        wrapped = given.get("wrapped")
        for e in exceptions:
            if wrapped:
                outer = RuntimeError(wrapped)
                outer.__cause__, e = e, outer
            got = errors.outcome_of(e, cause)
            self.assertEqual(got.code, code)
            self.assertEqual(got.status, wire._status[status])
            if message is not None:
                self.assertEqual(got.message, message)
            self.assertEqual(json.loads(got.details) if got.details else None, details)

    def run_output(self, given: vectors.Fields, want: vectors.Fields) -> None:
        a = self._attempt(wire.JobRequest(job_id="1"))
        result = a.result(b"1" * given["bytes"], None)
        packet = wire.BusPacket.FromString(a.encode_result(result, given.get("max_payload", 0)))
        self.assertEqual(packet.job_result.status, wire._status[want["status"]])
        self.assertEqual(packet.job_result.error_code, want.get("code", ""))

    def _attempt(self, request: typing.Any) -> attempt.Attempt:
        worker = cordum.Worker(id="w1")

        async def make() -> attempt.Attempt:
            return attempt.Attempt(worker, b"", request, None)

        return asyncio.run(make())

    def run_constraints(self, given: vectors.Fields, want: vectors.Fields) -> None:
        code = want.get("code")
        timeout_ms = given.get("timeout_ms", 0)
        try:
            found = constraint.read_constraints(given["constraints"].encode())
        except cordum.Fatal as e:
            self.assertEqual(e.code, code)
            return
        self.assertIsNone(code)
        got = []
        for c in found:
            one: dict[str, typing.Any] = {"type": c.type}
            one.update({k: v for k, v in (("max", c.max), ("list", c.list)) if v is not None})
            if c.prove:
                one["prove"] = True
            got.append(one)
        self.assertEqual(got, want["list"])
        self.assertEqual(constraint.time_limit_ms(timeout_ms, found), want.get("limit_ms"))

    def run_decision(self, given: vectors.Fields, want: vectors.Fields) -> None:
        request = request_of(given["request"])
        self.assertEqual(wire.decision_message(request).hex(), want["message_hex"])
        got = None
        try:
            constraint.decision_verifier(bytes.fromhex(given["key_hex"]))(request)
        except cordum.Fatal as e:
            got = e.code
        self.assertEqual(got, want.get("code"))

    def run_evidence(self, given: vectors.Fields, want: vectors.Fields) -> None:
        proof, refused = constraint.Proof(), []
        for i, said in enumerate(given.get("say", [])):
            try:
                if "prove" in said:
                    proof.prove(said["prove"], said["value"])
                else:
                    proof.use(said["used"], said["amount"])
            except ValueError:
                refused.append(i)
        self.assertEqual(refused, want.get("refused", []))
        request = wire.JobRequest(job_id=given["job_id"])
        request.constraints = given.get("constraints", "").encode()
        request.meta.idempotency_key = given.get("idempotency_key", "")
        job = job_of(request)
        succeeded = given.get("succeeded")
        status = wire.JOB_STATUS_SUCCEEDED if succeeded else wire.JOB_STATUS_FAILED
        result = wire.JobResult(status=status, output=given.get("output", "").encode())
        proof.attach(result, job.constraints, job.key, 1000)
        for field in ("evidence", "usage"):
            raw = getattr(result, field)
            self.assertEqual(json.loads(raw) if raw else None, want.get(field))

    def run_job(self, given: vectors.Fields, want: vectors.Fields) -> None:
        job = job_of(request_of(given["request"]))
        names = [
            "id",
            "key",
            "attempt_id",
            "topic",
            "tenant",
            "principal",
            "workflow",
            "run_id",
            "step_id",
            "traceparent",
        ]
        for name in names:
            self.assertEqual(getattr(job, name), want.get(name, ""), name)
        self.assertEqual((job.attempt, job.iteration), (want["attempt"], want.get("iteration", 0)))
        self.assertEqual((job.labels, job.env), (want.get("labels", {}), want.get("env", {})))
        locks = [cordum.Lock(w["name"], w.get("shared", False), w["fencing_token"]) for w in want.get("locks", [])]
        self.assertEqual(job.locks, locks)

    def run_intake(self, given: vectors.Fields, want: vectors.Fields) -> None:
        worker = cordum.Worker(id="w1", capacity=given["capacity"])
        worker.draining, worker.active = given.get("draining", False), given.get("active", 0)
        worker.unacknowledged = given.get("unacknowledged", 0)
        worker.unacknowledged_bytes = given.get("unacknowledged_bytes", 0)
        if given.get("topic_known"):
            worker.topic("job.x")(lambda job: None)
        self.assertEqual(worker.refusal("job.x"), want.get("reason", ""))

    def run_progress(self, given: vectors.Fields, want: vectors.Fields) -> None:
        p, sent = progress.Progress(), []

        def note(at: int, said: progress.Said | None) -> None:
            if said is not None:
                state = {} if said.state is None else {"state": json.loads(said.state)}
                sent.append({"at_ms": at, "percent": said.percent, "message": said.message, **state})

        now = 0
        for event in given["events"]:
            while now <= event["at_ms"]:  # the clock goes on millisecond by millisecond
                note(now, p.take_due(now))
                now += 1
            at = event["at_ms"]
            if event.get("end"):
                note(at, p.end())
                continue
            said = event["say"]
            state = json.dumps(said["state"]).encode() if "state" in said else None
            p.say(at, said["percent"], said["message"], state)
            note(at, p.take_due(at))
        self.assertEqual(sent, want.get("sent", []))

    def run_logs(self, given: vectors.Fields, want: vectors.Fields) -> None:
        batches = logs.LogBatches(given.get("log_lines", 0), logs.Redactor(given.get("redact", [])))
        sent: list[dict[str, typing.Any]] = []

        def note(at: int, batch: logs.Batch | None) -> None:
            if batch is not None:
                dropped = {"dropped": batch.dropped} if batch.dropped else {}
                lines = [[line.stream, line.text] for line in batch.lines]
                sent.append({"at_ms": at, "first": batch.first, "lines": lines, **dropped})

        now = 0
        for event in given["events"]:
            at = event["at_ms"]
            while now <= at:
                note(now, batches.take_due(now))
                now += 1
            if event.get("end"):
                note(at, batches.end())
                continue
            for _ in range(event.get("times", 1)):
                for batch in batches.add(at, event["stream"], event["text"]):
                    note(at, batch)
        if "sent_lines" in want:
            self.assertEqual(sum(len(s["lines"]) for s in sent), want["sent_lines"])
            self.assertEqual(sent[-1].get("dropped", 0), want["dropped"])
        else:
            self.assertEqual(sent, want.get("sent", []))


class WithoutSignatures(unittest.TestCase):
    def test_a_key_that_cannot_be_used_is_refused(self) -> None:
        with mock.patch.dict("sys.modules", {"cryptography.exceptions": None}):
            with self.assertRaisesRegex(ImportError, "signatures"):
                cordum.Worker(id="w1", decision_key=base64.b64decode("A" * 43 + "="))
        with self.assertRaises(ValueError):
            cordum.Worker(id="w1", decision_key=b"short")
