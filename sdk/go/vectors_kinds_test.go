package cordum

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus/wire"
)

func runName(t *testing.T, c vector) {
	in := read[struct {
		Topic, Pack, Tool *string
		WorkerID          *string `json:"worker_id"`
		SubjectsOf        string  `json:"subjects_of"`
	}](t, c.In)
	want := read[struct {
		Valid                                    bool
		Topic, Jobs, Heartbeat, Handshake, Inbox string
	}](t, c.Want)
	switch {
	case in.Topic != nil:
		wants(t, checkTopic(*in.Topic) == nil, want.Valid)
	case in.WorkerID != nil:
		_, err := WorkerConfig{ID: *in.WorkerID}.filled()
		wants(t, err == nil, want.Valid)
	case in.Pack != nil:
		w := vectorWorker(t)
		Register(w, *in.Pack, *in.Tool, func(context.Context, Job, any) (any, error) { return nil, nil })
		wants(t, len(w.problems) == 0 && w.tools[want.Topic] != nil, want.Valid)
	default:
		id := in.SubjectsOf
		wants(t, []string{wire.SubjectWorkerJobs(id), wire.SubjectWorkerHeartbeat(id), wire.SubjectWorkerHandshake(id), wire.WorkerInbox(id)},
			[]string{want.Jobs, want.Heartbeat, want.Handshake, want.Inbox})
	}
}

func runKey(t *testing.T, c vector) {
	in := read[struct {
		JobID    string `json:"job_id"`
		TokenHex string `json:"token_hex"`
	}](t, c.In)
	want := read[struct {
		KeyHex string `json:"key_hex"`
	}](t, c.Want)
	k := keyOf(in.JobID, unhex(t, in.TokenHex))
	wants(t, hex.EncodeToString(k[:]), want.KeyHex)
}

func runRemembered(t *testing.T, c vector) {
	in := read[struct {
		Limit int
		Add   []string
	}](t, c.In)
	want := read[struct {
		Has    []string
		HasNot []string `json:"has_not"`
	}](t, c.Want)
	r := remembered{limit: in.Limit}
	for _, k := range in.Add {
		r.add(keyOf(k, nil))
	}
	for _, k := range append(slices.Clone(want.Has), want.HasNot...) {
		if r.has(keyOf(k, nil)) != slices.Contains(want.Has, k) {
			t.Errorf("%s is known: %v", k, r.has(keyOf(k, nil)))
		}
	}
}

func runClip(t *testing.T, c vector) {
	in := read[struct {
		TextHex string `json:"text_hex"`
		Max     int
		Bytes   bool
	}](t, c.In)
	wants(t, clip(string(unhex(t, in.TextHex)), in.Max), read[struct{ Text string }](t, c.Want).Text)
}

// runBackoff looks at many waits, for they are random: none may be outside the bounds, and they are not all the same.
func runBackoff(t *testing.T, c vector) {
	in := read[struct {
		After string
		Count int
	}](t, c.In)
	want := read[struct {
		MinMs float64 `json:"min_ms"`
		MaxMs float64 `json:"max_ms"`
	}](t, c.Want)
	least, most := math.Inf(1), 0.0
	for range 200 {
		ms := float64(waitAfter(in.After, in.Count)) / float64(time.Millisecond)
		least, most = min(least, ms), max(most, ms)
	}
	if least < want.MinMs-1 || most > want.MaxMs+1 || least == most {
		t.Errorf("from %v to %v ms, want %v to %v", least, most, want.MinMs, want.MaxMs)
	}
}

// waitAfter is how long the library waits.
func waitAfter(after string, count int) time.Duration {
	if after == "disconnect" {
		return reconnectDelay(count)
	}
	now := time.Now()
	o := outbox{queue: byDue{{}}}
	first := map[string]time.Duration{"silence": silenceMin, "refused": refusedMin}[after]
	o.postpone(o.queue[0], now, doubled(first, count))
	return o.queue[0].due.Sub(now)
}

// raised is what a tool raises.
type raised struct {
	Kind, Code, Message string
	Details             any
}

var endings = map[string]error{"cancelled": &CancelledError{Reason: "r"}, "timed_out": ErrTimedOut, "stopped": ErrStopped}

func (r raised) error(ctx context.Context) error {
	e := &Error{Code: r.Code, Details: r.Details}
	if r.Message != "" {
		e.Err = errors.New(r.Message)
	}
	switch r.Kind {
	case "plain":
		return e.Err
	case "retryable":
		e.Kind = KindRetryable
	case "fatal":
		e.Kind = KindFatal
	case "panic":
		panic(r.Message)
	case "cancelled", "timed_out", "stopped":
		return ctx.Err()
	}
	return e
}

func runFailure(t *testing.T, c vector) {
	in := read[struct {
		Raised         raised
		Ended, Wrapped string
	}](t, c.In)
	want := read[struct {
		Status, Code string
		Message      *string
		Details      json.RawMessage
	}](t, c.Want)
	a := vectorAttempt(t, &wire.JobRequest{JobId: "1", Topic: "job.demo.fail"}, func(ctx context.Context, _ Job, _ []byte) ([]byte, error) {
		err := in.Raised.error(ctx)
		if in.Wrapped != "" {
			err = fmt.Errorf("%s: %w", in.Wrapped, err)
		}
		return nil, err
	})
	if end := endings[cmp.Or(in.Ended, in.Raised.Kind)]; end != nil {
		a.cancel(end)
	}
	output, err := a.call(a.ctx)
	r := a.result(a.ctx, output, err)
	wants(t, r.GetStatus().String()+" "+r.GetErrorCode(), want.Status+" "+want.Code)
	if want.Message != nil {
		wants(t, r.GetErrorMessage(), *want.Message)
	}
	sameJSON(t, r.GetErrorDetails(), want.Details)
}

// vectorAttempt is an attempt of a worker that is connected to nobody.
func vectorAttempt(t *testing.T, r *wire.JobRequest, fn tool, change ...func(*WorkerConfig)) *attempt {
	t.Helper()
	w := vectorWorker(t, change...)
	w.tools[r.GetTopic()] = fn
	return w.newAttempt(keyOf(r.GetJobId(), r.GetToken()), r)
}

func runOutput(t *testing.T, c vector) {
	in := read[struct {
		Bytes      int
		MaxPayload int64 `json:"max_payload"`
	}](t, c.In)
	want := read[struct{ Status, Code string }](t, c.Want)
	a := vectorAttempt(t, &wire.JobRequest{JobId: "1"}, nil)
	r := a.result(a.ctx, []byte(strings.Repeat("1", in.Bytes)), nil)
	if in.MaxPayload > 0 && r.GetErrorCode() == "" {
		a.worker.conn = serverWith(t, in.MaxPayload)
		var p wire.BusPacket
		if err := proto.Unmarshal(a.encodeResult(r), &p); err != nil {
			t.Fatal(err)
		}
		r = p.GetJobResult()
	}
	wants(t, r.GetStatus().String()+" "+r.GetErrorCode(), want.Status+" "+want.Code)
}

// readConstraint is a constraint as a tool reads it.
type readConstraint struct {
	Type  string
	Max   *int64
	List  *[]string
	Prove bool
}

func runConstraints(t *testing.T, c vector) {
	in := read[struct {
		Constraints string
		TimeoutMs   int64 `json:"timeout_ms"`
	}](t, c.In)
	want := read[struct {
		Code    string
		LimitMs *int64 `json:"limit_ms"`
		List    []readConstraint
	}](t, c.Want)
	list, err := readConstraints([]byte(in.Constraints))
	var coded *Error
	if errors.As(err, &coded); (err != nil) != (want.Code != "") || err != nil && coded.Code != want.Code {
		t.Fatalf("error %v, want %q", err, want.Code)
	}
	if err != nil {
		return
	}
	got := make([]readConstraint, 0, len(list))
	for _, k := range list {
		one := readConstraint{Type: k.Type, Prove: k.Prove}
		if n, ok := k.Max(); ok {
			one.Max = &n
		}
		if l, ok := k.List(); ok {
			one.List = &l
		}
		got = append(got, one)
	}
	wants(t, got, want.List)
	a := vectorAttempt(t, &wire.JobRequest{JobId: "1", Constraints: []byte(in.Constraints), TimeoutMs: in.TimeoutMs}, nil)
	limit := a.timeLimit()
	if want.LimitMs == nil {
		wants(t, limit, time.Duration(0))
	} else if limit <= 0 || limit.Milliseconds() != *want.LimitMs {
		t.Errorf("limit %v, want %d ms", limit, *want.LimitMs)
	}
}

func runDecision(t *testing.T, c vector) {
	in := read[struct {
		KeyHex  string `json:"key_hex"`
		Request json.RawMessage
	}](t, c.In)
	want := read[struct {
		MessageHex string `json:"message_hex"`
		Code       string
	}](t, c.Want)
	r := readRequest(t, in.Request)
	wants(t, hex.EncodeToString(wire.DecisionMessage(r)), want.MessageHex)
	a := vectorAttempt(t, r, nil, func(cfg *WorkerConfig) { cfg.DecisionKey = unhex(t, in.KeyHex) })
	var coded *Error
	if errors.As(a.checkDecision(), &coded) {
		wants(t, coded.Code, want.Code)
	} else {
		wants(t, "", want.Code)
	}
}

func runEvidence(t *testing.T, c vector) {
	in := read[struct {
		Constraints, Output string
		JobID               string `json:"job_id"`
		IdempotencyKey      string `json:"idempotency_key"`
		Succeeded           bool
		Say                 []struct {
			Prove, Used *string
			Value       any
			Amount      float64
		}
	}](t, c.In)
	want := read[struct {
		Evidence, Usage json.RawMessage
		Refused         []int
	}](t, c.Want)
	a := vectorAttempt(t, &wire.JobRequest{
		JobId: in.JobID, Constraints: []byte(in.Constraints), Meta: &wire.JobMetadata{IdempotencyKey: in.IdempotencyKey},
	}, nil)
	var refused []int
	for i, s := range in.Say {
		var err error
		if s.Prove != nil {
			err = newJob(a).Prove(*s.Prove, s.Value)
		} else {
			err = newJob(a).Used(*s.Used, s.Amount)
		}
		if err != nil {
			refused = append(refused, i)
		}
	}
	wants(t, refused, want.Refused)
	r := &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED, Output: []byte(in.Output)}
	if in.Succeeded {
		r.Status = wire.JobStatus_JOB_STATUS_SUCCEEDED
	}
	a.attach(r, time.Second)
	sameJSON(t, r.GetEvidence(), want.Evidence)
	sameJSON(t, r.GetUsage(), want.Usage)
}

func runIntake(t *testing.T, c vector) {
	in := read[struct {
		Draining                         bool
		TopicKnown                       bool `json:"topic_known"`
		Active, Capacity, Unacknowledged int
		UnacknowledgedBytes              int `json:"unacknowledged_bytes"`
	}](t, c.In)
	w := vectorWorker(t, func(cfg *WorkerConfig) { cfg.Capacity = in.Capacity })
	w.draining, w.active, w.unacknowledged, w.unacknowledgedBytes = in.Draining, in.Active, in.Unacknowledged, in.UnacknowledgedBytes
	if in.TopicKnown {
		w.tools["job.x"] = func(context.Context, Job, []byte) ([]byte, error) { return nil, nil }
	}
	wants(t, w.refusal(&wire.JobRequest{Topic: "job.x"}), read[struct{ Reason string }](t, c.Want).Reason)
}
