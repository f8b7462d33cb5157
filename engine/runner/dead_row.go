package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// This file is the stored form of a dead letter: one row with every field of the job by its id, and a short one by time that
// lists, filters and groups are made of.

// Reasons of a dead letter. What failed by its worker's word is "failed: " and its code.
const (
	DeadDispatchTimeout = "timeout: dispatched exceeded"
	DeadRunTimeout      = "timeout: running exceeded"
	DeadDenied          = "safety: denied"
	DeadQuarantined     = "output_quarantined"
	DeadRetries         = "max retries exceeded"
	DeadWorkerLost      = "worker_lost"
	deadFailed          = "failed: "
)

// deadHead is what lists show and filters look at.
type deadHead struct {
	Job         string
	Workflow    string // "" of a job that was submitted alone
	Step        string // what people call the node
	StepID      string // of the definition: the same for every iteration
	Undo        bool   // a compensation
	Topic       string
	State       string // failed, timed_out, denied, held
	Again       bool   // it is being done again
	Reason      string
	Code        string
	Message     string // shortened, without secrets
	Fingerprint string
	Attempts    int32
	Times       int32
	Worker      string
	First, At   time.Time
}

// Fields describes the stored form; fields are only added at the end.
func (h *deadHead) Fields(c *codec.Codec) {
	for _, s := range []*string{&h.Job, &h.Workflow, &h.Step, &h.StepID, &h.Topic, &h.State, &h.Reason, &h.Code, &h.Message, &h.Fingerprint, &h.Worker} {
		c.String(s)
	}
	c.Bool(&h.Undo)
	c.Bool(&h.Again)
	c.Int32(&h.Attempts)
	c.Int32(&h.Times)
	c.Time(&h.First)
	c.Time(&h.At)
}

// deadRow is a dead letter with every field of its job.
type deadRow struct {
	deadHead
	Pack, Tool        string
	Text              string          // the whole message, without secrets
	Details           json.RawMessage // of the error, without secrets
	Retryable         bool
	Unknown           bool // nobody knows whether it had its effect
	Hash              string
	Snapshot, Rule    string // what decided about it
	Constraints       json.RawMessage
	Requires          []string
	Labels            map[string]string
	Priority          string
	PreferredWorkerID string
	PreferredPool     string
	InputBytes        uint64
	InputBlob         string // of one that is kept as a blob
	CreatedAt         time.Time
}

// Fields describes the stored form; fields are only added at the end.
func (r *deadRow) Fields(c *codec.Codec) {
	r.deadHead.Fields(c)
	for _, s := range []*string{&r.Pack, &r.Tool, &r.Text, &r.Hash, &r.Snapshot, &r.Rule, &r.Priority, &r.PreferredWorkerID, &r.PreferredPool, &r.InputBlob} {
		c.String(s)
	}
	codec.Raw(c, &r.Details)
	codec.Raw(c, &r.Constraints)
	c.Bool(&r.Retryable)
	c.Bool(&r.Unknown)
	codec.List(c, &r.Requires, (*codec.Codec).String)
	c.Strings(&r.Labels)
	c.Uint(&r.InputBytes)
	c.Time(&r.CreatedAt)
}

// deadRow makes the entry of a job that has just died.
func (lr *live) deadRow(node int32, how death) *deadRow {
	f := how.failure
	run, s, note := lr.run, &lr.run.Steps[node], lr.dead.by[node]
	spec, def := run.Spec(node), run.DefOf(node)
	row := &deadRow{
		deadHead: deadHead{
			Job: lr.jobID(node), StepID: def.ID, Step: run.Name(node), Undo: run.IsUndo(node), State: how.state.String(),
			Code: cleanLine(f.Code, maxCode), Attempts: s.Attempt, Times: note.times, First: note.first, At: note.at,
		},
		Text: clean(f.Message, maxMessage), Details: cleanJSON(f.Details), Retryable: f.Retryable, Unknown: f.Unknown,
		Requires: spec.Def.Requires, Labels: cleanLabels(run.Labels), Priority: priorityName(spec.Priority),
		PreferredWorkerID: spec.Def.PreferredWorkerID, PreferredPool: spec.Def.PreferredPool,
		InputBytes: uint64(len(s.Input.Data)), InputBlob: s.Input.Blob,
	}
	if run.Kind == engine.KindWorkflow {
		row.Workflow = run.Workflow
	}
	var allowed int32
	if j := lr.jobs[node]; j != nil {
		row.Topic, row.Pack, row.Tool, row.Worker = j.Topic, j.Pack, j.Tool, j.Worker
		row.Hash, row.Snapshot, row.Rule, row.Constraints, row.CreatedAt = j.Hash, j.Snapshot, j.Rule, j.Constraints, j.CreatedAt
		allowed = maxAttempts(j)
	}
	row.Reason = deadReason(f, how.state, s.Attempt, def.Retry, allowed)
	row.Message = cleanLine(row.Text, deadMessage)
	row.Fingerprint = fingerprint(&row.deadHead)
	return row
}

// deadReason is why a job is dead, in the words of the runbook. allowed is how many attempts the policy allows, 0 when it says
// nothing.
func deadReason(f engine.Failure, state engine.StepState, attempts int32, retry *dag.Retry, allowed int32) string {
	switch f.Code {
	case engine.CodeQueueTimeout:
		return DeadDispatchTimeout
	case engine.CodeTimeout, engine.CodeHeartbeatTimeout, engine.CodeTotalTimeout:
		return DeadRunTimeout
	case engine.CodeOutputDenied:
		return DeadQuarantined
	case engine.CodeWorkerLost:
		return DeadWorkerLost
	}
	if state == engine.StepDenied || f.Code == engine.CodeDenied {
		return DeadDenied
	}
	if f.Retryable && attempts > 1 && exhausted(f.Code, attempts, retry, allowed) {
		return DeadRetries
	}
	if f.Code == "" {
		return deadFailed + "error"
	}
	return deadFailed + cleanLine(f.Code, maxCode)
}

// exhausted tells whether a failure would have been tried again, had there been attempts left.
func exhausted(code string, attempts int32, retry *dag.Retry, allowed int32) bool {
	if allowed > 0 && attempts >= allowed {
		return true
	}
	if retry == nil || int(attempts) < retry.MaxAttempts || slices.Contains(retry.NotOn, code) {
		return false
	}
	return len(retry.On) == 0 || slices.Contains(retry.On, code)
}

// reasonFamily is the reason as metrics name it: workers make up codes.
func reasonFamily(reason string) string {
	if strings.HasPrefix(reason, deadFailed) {
		return "failed"
	}
	return reason
}

// fingerprint is the same for deaths of the same kind: what ran where, and why it ended, without numbers and ids.
func fingerprint(h *deadHead) string {
	what := h.Workflow
	if what == "" {
		what = h.Topic
	}
	kind := "job"
	if h.Undo {
		kind = "compensation"
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{what, h.StepID, kind, h.Reason, h.Code, gist(h.Message)}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// gist is a message without what differs from one time to the next: every word with a digit in it is one mark.
func gist(text string) string {
	var b strings.Builder
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' }
	for len(text) > 0 {
		end := strings.IndexFunc(text, func(r rune) bool { return !inWord(r) })
		if end < 0 {
			end = len(text)
		}
		switch word := text[:end]; {
		case strings.ContainsFunc(word, unicode.IsDigit):
			b.WriteByte('#')
		default:
			b.WriteString(strings.ToLower(word))
		}
		text = text[end:]
		if len(text) > 0 {
			_, size := utf8.DecodeRuneInString(text)
			b.WriteString(text[:size])
			text = text[size:]
		}
	}
	return b.String()
}

// clean is a text of a stranger as it is kept: without secrets, and at most limit bytes of it.
func clean(s string, limit int) string {
	s = secrets.RedactText(strings.ToValidUTF8(s, "?"))
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

// cleanLine is clean on one line: without characters that move a cursor or break a protocol.
func cleanLine(s string, limit int) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, clean(s, limit))
}

// cleanJSON is a document without secrets; one that cannot be looked through is not kept.
func cleanJSON(doc json.RawMessage) json.RawMessage {
	if len(doc) == 0 || len(doc) > maxDetails {
		return nil
	}
	out, _, err := secrets.Redact(doc, nil)
	if err != nil {
		return nil
	}
	return out
}

func cleanLabels(labels map[string]string) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	out := make(map[string]string, len(labels))
	for name, value := range labels {
		out[name] = clean(value, maxLabel)
	}
	return out
}

// key is where the whole entry is kept.
func (p deadPlace) key(tenant string) store.Key {
	return store.Key{Table: store.TableDeadLetter, Tenant: tenant, ID: fmt.Sprintf("%s/%012x", p.job, p.seq)}
}

// recentKey is where its short form is kept, by time.
func (p deadPlace) recentKey(part store.Partition, tenant string) store.Key {
	return store.Key{Table: store.TableDeadRecent, Tenant: tenant, ID: deadPart(part) + p.order()}
}

// order orders the entries of all partitions by time.
func (p deadPlace) order() string {
	return fmt.Sprintf("%016x/%012x/%s", uint64(p.at.UnixNano()), p.seq, p.job)
}

func deadPart(part store.Partition) string { return fmt.Sprintf("%02X", uint16(part)) }

// parseDeadPlace reads what order wrote.
func parseDeadPlace(s string) (p deadPlace, ok bool) {
	const at, seq = 16, 12
	if len(s) < at+seq+3 || s[at] != '/' || s[at+1+seq] != '/' {
		return p, false
	}
	ns, err := strconv.ParseUint(s[:at], 16, 64)
	n, err2 := strconv.ParseUint(s[at+1:at+1+seq], 16, 64)
	p = deadPlace{at: unixNano(int64(ns)), seq: n, job: s[at+seq+2:]}
	_, err3 := id.ParseJob(p.job)
	return p, err == nil && err2 == nil && err3 == nil && p.order() == s
}

// puts are the two rows of an entry.
func (r *deadRow) puts(part store.Partition, tenant string, p deadPlace) []store.Put {
	return []store.Put{
		{Key: p.key(tenant), Value: encode(r)},
		{Key: p.recentKey(part, tenant), Value: encode(&r.deadHead)},
	}
}
