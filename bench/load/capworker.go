package load

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bench/process"
	"cordum.dev/cordum/bus/wire"
)

// capBeat is how often a worker of CAP's libraries beats.
const capBeat = 5 * time.Second

// payloadTTL is how long CAP keeps results.
const payloadTTL = 24 * time.Hour

// capWorker is a worker that knows CAP and no more, as libraries in other languages make them: its jobs come by queue group,
// their inputs lie where their pointers say, and it says its results once and to nobody in particular.
type capWorker struct {
	conn     *nats.Conn
	payloads *redis.Client
}

// runCAP serves toolCAP.
func runCAP(ctx context.Context, url, payloads string, say func(string)) error {
	conn, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	w := &capWorker{conn: conn, payloads: redis.NewClient(&redis.Options{
		Addr: payloads, DisableIdentity: true, PoolSize: workerCapacity,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})}
	defer func() { _ = w.payloads.Close() }()
	if _, err := conn.QueueSubscribe(topicOf(toolCAP), topicOf(toolCAP), func(m *nats.Msg) { go w.serve(ctx, m) }); err != nil {
		return err
	}
	say(process.Ready)
	beat := time.NewTicker(capBeat)
	defer beat.Stop()
	for {
		if err := w.publish(wire.SubjectHeartbeat, &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: &wire.Heartbeat{
			WorkerId: capID, Pool: poolCAP, MaxParallelJobs: workerCapacity,
		}}}); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
		}
	}
}

// serve reads a job's input and gives it back as the result.
func (w *capWorker) serve(ctx context.Context, m *nats.Msg) {
	var p wire.BusPacket
	if proto.Unmarshal(m.Data, &p) != nil || p.GetJobRequest() == nil {
		return
	}
	job := p.GetJobRequest()
	res := &wire.JobResult{JobId: job.JobId, WorkerId: capID, Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, ResultPtr: "redis://res:" + job.JobId}
	input, err := w.payloads.Get(ctx, strings.TrimPrefix(job.ContextPtr, "redis://")).Bytes()
	if err == nil {
		err = w.payloads.Set(ctx, "res:"+job.JobId, input, payloadTTL).Err()
	}
	if err != nil {
		res.Status, res.ResultPtr, res.ErrorMessage = wire.JobStatus_JOB_STATUS_FAILED, "", err.Error()
	}
	_ = w.publish(wire.SubjectResult, &wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: res}}) // nobody is told of a lost one
}

func (w *capWorker) publish(subject string, p *wire.BusPacket) error {
	p.SenderId, p.ProtocolVersion = capID, wire.ProtocolVersion
	data, err := proto.Marshal(p)
	if err != nil {
		return err
	}
	return w.conn.Publish(subject, data)
}
