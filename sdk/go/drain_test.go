package cordum_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	cordum "cordum.dev/cordum/sdk/go"
)

// TestDrain: what runs is finished, what comes is given back, what is not acknowledged is sent until it is.
func TestDrain(t *testing.T) {
	e := newEngine(t)
	begun, release := make(chan struct{}), make(chan struct{})
	s := startWorker(t, e, echo(func(ctx context.Context, _ cordum.Job) error {
		close(begun)
		<-release
		return ctx.Err() // draining does not end it
	}))
	e.send(job("1"))
	receive(t, begun)
	s.stop()
	e.beatThat((*wire.Heartbeat).GetDraining)
	e.send(job("2"))
	if r := receive(t, e.returns); r.GetJobId() != "2" || r.GetReason() != "draining" {
		t.Errorf("return %v", r)
	}
	e.answer(script(silence, retry, ok))
	close(release)
	for range 3 {
		if r := e.result(); r.GetStatus() != wire.JobStatus_JOB_STATUS_SUCCEEDED {
			t.Errorf("result %v", r)
		}
	}
	must(t, receive(t, s.ended))
	e.beatThat((*wire.Heartbeat).GetLeaving)
}

// TestLeaveThatComesWhileDraining is used: the engine has on record that the attempt began.
func TestLeaveThatComesWhileDraining(t *testing.T) {
	e := newEngine(t)
	s := startWorker(t, e, echo(nil))
	e.answer(func(*wire.BusPacket) wire.AckCode { return retry })
	e.send(job("1", askBegin))
	receive(t, e.begins)
	s.stop()
	e.beatThat((*wire.Heartbeat).GetDraining)
	e.answer(script())
	if r := e.result(); r.GetStatus() != wire.JobStatus_JOB_STATUS_SUCCEEDED {
		t.Errorf("result %v", r)
	}
	must(t, receive(t, s.ended))
}

// TestDrainTimeout: attempts without leave are given back, tools are stopped, and what they say still arrives.
func TestDrainTimeout(t *testing.T) {
	e := newEngine(t)
	begun := make(chan struct{}, 1)
	s := startWorker(t, e, echo(func(ctx context.Context, _ cordum.Job) error {
		begun <- struct{}{}
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), cordum.ErrStopped) {
			t.Errorf("cause %v", context.Cause(ctx))
		}
		return ctx.Err()
	}), func(c *cordum.WorkerConfig) { c.DrainTimeout = 20 * time.Millisecond })
	e.answer(func(p *wire.BusPacket) wire.AckCode {
		if p.GetJobBegin() != nil {
			return retry
		}
		return ok
	})
	e.send(job("1"))
	e.send(job("2", askBegin))
	receive(t, begun)
	receive(t, e.begins)
	s.stop()
	if r := receive(t, e.returns); r.GetJobId() != "2" || r.GetReason() != "draining" {
		t.Errorf("return %v", r)
	}
	r := e.result()
	if r.GetStatus() != wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE || r.GetErrorCode() != cordum.CodeWorkerStopped {
		t.Errorf("result %v", r)
	}
	must(t, receive(t, s.ended))
}

func TestDrainTimeoutSaysWhatIsLeft(t *testing.T) {
	e := newEngine(t)
	begun, release := make(chan struct{}, 1), make(chan struct{})
	s := startWorker(t, e, echo(func(context.Context, cordum.Job) error {
		begun <- struct{}{}
		<-release // a tool that does not listen
		return nil
	}), func(c *cordum.WorkerConfig) { c.DrainTimeout = time.Millisecond })
	e.send(job("1"))
	receive(t, begun)
	s.stop()
	if err := receive(t, s.ended); !errors.Is(err, cordum.ErrDrainTimeout) || !strings.Contains(err.Error(), "1 tools") {
		t.Errorf("got %v", err)
	}
	last := e.beatThat((*wire.Heartbeat).GetLeaving)
	if len(last.GetJobs()) != 1 {
		t.Errorf("last %v", last)
	}
	close(release)
}
