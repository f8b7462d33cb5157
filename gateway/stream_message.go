package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"cordum.dev/cordum/engine/runner"
)

// StreamRequest is what a client sends: one of its fields besides ID.
type StreamRequest struct {
	// ID names the subscription in everything that is answered to it; the run's or workflow's id when left out.
	ID          string     `json:"id"`
	Subscribe   *Subscribe `json:"subscribe"`
	Unsubscribe string     `json:"unsubscribe"`
}

// Subscribe says what to follow: a run, or a workflow's runs.
type Subscribe struct {
	Run      string          `json:"run"`
	Workflow string          `json:"workflow"`
	Logs     bool            `json:"logs"`      // of a run: also the lines that its jobs write from now on
	AfterSeq json.RawMessage `json:"after_seq"` // a whole number; kept as sent, as any number must be answered well
}

// StreamMessage is what a client gets. Which fields are set follows from Type; docs/stream.md has the list.
type StreamMessage struct {
	ID     string            `json:"id,omitempty"`
	Type   string            `json:"type"` // snapshot, replay, event, live, gap, header, log, end, unsubscribed or error
	Seq    *uint64           `json:"seq,omitempty"`
	Run    *runner.RunView   `json:"run,omitempty"`
	Header *runner.RunHeader `json:"header,omitempty"`
	Event  *runner.Event     `json:"event,omitempty"`
	Log    *runner.LogPart   `json:"log,omitempty"`
	Error  *Problem          `json:"error,omitempty"`
}

// streamMessage writes a message of the engine for the client.
func streamMessage(id string, m runner.Message) StreamMessage {
	out := StreamMessage{ID: id, Type: m.Kind, Run: m.Snapshot, Header: m.Header, Event: m.Event, Log: m.Log}
	switch m.Kind {
	case "replay", "live", "gap", "end":
		out.Seq = &m.Seq
	case "snapshot":
		if m.Snapshot != nil {
			out.Seq = &m.Snapshot.Seq
		}
	}
	return out
}

// readStreamRequest reads what a client sent.
func readStreamRequest(raw []byte) (StreamRequest, *Problem) {
	var req StreamRequest
	if p := checkJSON(raw); p != nil {
		return req, p
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		if strings.HasPrefix(err.Error(), "json: unknown field") {
			return req, newProblem("unknown_field", "Known are id, subscribe with run, workflow, logs and after_seq, and unsubscribe.")
		}
		return req, newProblem("invalid_body", `Send {"id": …, "subscribe": {"run": …, "after_seq": …}}.`)
	}
	if (req.Subscribe == nil) == (req.Unsubscribe == "") {
		return req, newProblem("invalid_body", "Send either subscribe or unsubscribe.")
	}
	return req, nil
}

// watchRequest checks what is to be followed.
func watchRequest(run, workflow, afterSeq string, logs bool) (runner.WatchRequest, *Problem) {
	req := runner.WatchRequest{Run: run, Workflow: workflow, Logs: logs}
	switch {
	case logs && run == "":
		return req, newProblem("invalid_argument", "Logs are those of one run: say which.")
	case (run == "") == (workflow == ""):
		return req, newProblem("invalid_argument", "Say which run, or which workflow, to follow.")
	case len(run) > MaxIDLength || len(workflow) > MaxIDLength:
		return req, newProblem("not_found", "It does not exist, or is not yours.")
	case afterSeq == "":
		return req, nil
	case workflow != "":
		return req, newProblem("invalid_after_seq", "Only one run can be resumed; a workflow's runs begin anew.")
	}
	seq, err := strconv.ParseUint(afterSeq, 10, 64)
	if err != nil {
		return req, afterSeqProblem()
	}
	req.AfterSeq, req.Resume = seq, true
	return req, nil
}

func afterSeqProblem() *Problem {
	return newProblem("invalid_after_seq", "Send the seq of the last event you have, a whole number from 0.")
}

// watch begins to follow what was asked for, after refusing a place in the future: it would show nothing for a while
// and then leave events out.
func (g *Gateway) watch(ctx context.Context, c runner.Caller, req runner.WatchRequest) (Watch, *runner.RunView, error) {
	var view *runner.RunView
	if req.Resume {
		v, err := g.engine.View(ctx, c, req.Run)
		if err != nil {
			return nil, nil, err
		}
		if req.AfterSeq > v.Seq {
			return nil, nil, newProblem("invalid_after_seq", "The run has not come that far: its newest seq is "+strconv.FormatUint(v.Seq, 10)+".")
		}
		view = &v
	}
	w, err := g.engine.Watch(ctx, c, req, WatchBuffer)
	if err != nil || req.Run == "" {
		return w, view, err
	}
	return &runWatch{Watch: w, g: g, caller: c, run: req.Run, seq: req.AfterSeq}, view, nil
}
