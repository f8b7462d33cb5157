package cordum_test

import (
	"bytes"
	"testing"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
)

// TestHostilePackets throws at every subject of a worker what no engine sends. It goes on working and says nothing.
func TestHostilePackets(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(nil))
	packets := [][]byte{
		nil,
		{0xff},
		bytes.Repeat([]byte{0xff}, 1<<10),
		bytes.Repeat([]byte{'z'}, 8<<20/124*124), // fields that nobody knows, of 124 bytes each
		marshal(t, &wire.BusPacket{}),
		marshal(t, &wire.BusPacket{Payload: &wire.BusPacket_JobRequest{JobRequest: &wire.JobRequest{}}}),
		marshal(t, &wire.BusPacket{Payload: &wire.BusPacket_JobCancel{JobCancel: &wire.JobCancel{}}}),
		marshal(t, &wire.BusPacket{Payload: &wire.BusPacket_Ack{Ack: &wire.Ack{Code: 99}}}),
		marshal(t, &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: &wire.Heartbeat{WorkerId: "w1"}}}),
		marshal(t, &wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: &wire.JobResult{JobId: "1"}}}),
	}
	for _, p := range packets {
		for _, subject := range []string{bus.WorkerJobs("w1"), "job.demo.echo", bus.SubjectCancel, bus.SubjectAskJobs} {
			must(t, e.bus.Publish(subject, p))
		}
	}
	e.send(job("good"))
	if r := e.result(); r.GetJobId() != "good" {
		t.Fatalf("result %v", r)
	}
	if len(e.results)+len(e.returns)+len(e.begins)+len(e.progress) > 0 {
		t.Error("it answered what nobody asked")
	}
}

// TestHostileAnswers: an answer that is none, or has an unknown code, is no answer.
func TestHostileAnswers(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(nil))
	e.answer(script(99, wire.AckCode_ACK_CODE_RETRY, -1, ok))
	e.send(job("1", askBegin))
	for range 4 {
		receive(t, e.begins)
	}
	e.result()
	e.beatIdle()
}

// TestTopicOfSomebodyElse: a job whose topic it does not serve is given back even when it came to its own
// subject, with what identifies it.
func TestTopicOfSomebodyElse(t *testing.T) {
	e := newEngine(t)
	startWorker(t, e, echo(nil))
	for _, topic := range []string{"", "job.demo", "job.demo.echo.more", "job.>", "job.demo.\n"} {
		e.send(job("x"+topic, func(r *wire.JobRequest) { r.Topic = topic }))
		if r := receive(t, e.returns); r.GetReason() != "unknown_topic" || r.GetJobId() != "x"+topic {
			t.Errorf("topic %q: %v", topic, r)
		}
	}
}
