package runner

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/scan"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// trail is the audit side of a lane: where the chains of its partitions stand, and the records of the commit to come. The
// lane alone writes to its partitions, so what it knows of a chain stays true until a commit fails; then it reads again.
type trail struct {
	states map[audit.Chain]audit.State
	read   map[audit.Chain]audit.State // that were read beside a run, and that no commit has gone by yet
	acts   []act
	pages  map[audit.Chain]*audit.Page // of the commit to come
	spare  []*audit.Page
	of     *live  // whose facts are being encoded
	buf    []byte // scratch
}

// act is one record to be and the partition of its chain.
type act struct {
	part   store.Partition
	tenant string
	record audit.Record
}

func newTrail() trail {
	return trail{states: make(map[audit.Chain]audit.State), read: make(map[audit.Chain]audit.State), pages: make(map[audit.Chain]*audit.Page)}
}

// mark says of the fact to come that a person's command changed the run's course with it.
func (t *turn) mark(before int, cmd Command) {
	if before < len(t.live.pending) {
		t.live.pending[before].override = cmd.act()
	}
}

// commandAct is a command in the audit log.
type commandAct struct {
	name audit.Act
	what string
}

// act is what a command is called in the audit log: its verb with what is not a payload.
func (cmd Command) act() commandAct {
	words := []string{string(cmd.Verb)}
	switch cmd.Verb {
	case VerbSignal:
		return commandAct{audit.Signal, cmd.Signal}
	case VerbCancel:
		if cmd.Force {
			words = append(words, "by force")
		}
		if cmd.Rollback {
			words = append(words, "with rollback")
		}
	case VerbRollback:
		if cmd.To != "" {
			words = append(words, "to", cmd.To)
		}
	case VerbCompensation:
		words = append(words, cmd.Action, "of", cmd.Compensation)
	}
	return commandAct{audit.Override, strings.Join(words, " ")}
}

// fact notes what of a run's new fact belongs into the audit log. body is its encoded form.
func (t *trail) fact(f stamped, body []byte) {
	name, detail := actOf(f.fact)
	if name == "" && f.override.name == "" {
		return
	}
	r := audit.Record{At: f.at.At, Actor: f.at.Actor, Run: t.of.id, FactSeq: f.seq}
	r.FactHash, t.buf = factHash(f.at, kindOf(f.fact), body, t.buf)
	if node := nodeOf(f.fact); node >= 0 {
		r.Subject = t.of.run.Name(node)
	}
	if f.override.name != "" {
		o := r
		o.Act, o.Detail = f.override.name, f.override.what
		t.acts = append(t.acts, act{t.of.part, t.of.run.Tenant, o})
	}
	if name != "" {
		r.Act, r.Detail = name, detail
		t.acts = append(t.acts, act{t.of.part, t.of.run.Tenant, r})
	}
}

// factHash is the hash that a record has of its fact: over its stamp, its kind and its encoded form.
func factHash(at engine.Stamp, kind uint64, body, buf []byte) (audit.Hash, []byte) {
	b := binary.AppendUvarint(buf[:0], kind)
	b = binary.AppendVarint(b, at.At.UnixNano())
	b = appendString(appendString(b, at.Actor), at.Reason)
	b = append(b, body...)
	return sha256.Sum256(b), b
}

// actOf is what a fact is in the audit log, and what to say of it in a few words: nothing that a worker or a caller wrote.
func actOf(f codec.Fielder) (name audit.Act, detail string) {
	switch f := f.(type) {
	case *scheduler.JobDecided:
		return audit.Decision, decisionDetail(f)
	case *scheduler.JobReleased:
		return audit.Release, sendDetail(f.Send)
	case *scheduler.JobWithheld:
		return audit.Release, "taken back"
	case *engine.StepSucceededFact:
		return audit.Result, "succeeded"
	case *engine.StepEnded:
		return audit.Result, f.State.String()
	case *engine.RetrySet:
		return audit.Result, "retrying"
	case *engine.LateResult:
		return audit.Result, "late"
	case *engine.OutputJudged:
		return audit.Decision, "output: " + f.Verdict + " by " + f.Rule + " under " + shortDigest(f.Snapshot)
	case *engine.OutputHeld:
		return audit.Quarantine, "held"
	case *engine.UndoSettled:
		return audit.Result, f.How.String()
	case *engine.RunEnded:
		return audit.Result, f.State.String()
	case *engine.RunStarted:
		return audit.RunStart, startDetail(f)
	case *engine.InputEdited:
		return audit.Override, "input edited"
	case safety.ApprovalFact:
		kind, _ := describeApproval(f)
		return audit.Approval, strings.TrimPrefix(kind, "approval_")
	}
	return "", ""
}

// sendDetail says which sending it is, but for the first.
func sendDetail(send int32) string {
	if send == 1 {
		return ""
	}
	return "send " + strconv.Itoa(int(send))
}

// shortDigest is enough of a digest to find it by.
func shortDigest(s string) string { return s[:min(len(s), 12)] }

func decisionDetail(f *scheduler.JobDecided) string {
	by := f.Rule
	if by == "" {
		by = "default"
	}
	return f.Verdict + " by " + by + " under " + shortDigest(f.Snapshot)
}

func startDetail(f *engine.RunStarted) string {
	s := f.Workflow + " " + shortDigest(f.Digest)
	switch {
	case f.RerunOf != "":
		s += ", rerun of " + f.RerunOf
	case f.ForkOf != "":
		s += ", fork of " + f.ForkOf
	case f.Parent.Run != "":
		s += ", for " + f.Parent.Run
	}
	return s
}

// secrets are what is hidden in reasons: a record can never be changed, whatever somebody wrote.
var secrets = scan.Of(scan.Secret)

// doc notes the acts of a change of documents. Their records carry the hash of what was written.
func (t *trail) doc(d *docWrite, at audit.Record) {
	if len(d.acts) == 0 {
		return
	}
	at.FactHash = d.hash()
	for _, a := range d.acts {
		r := at
		r.Act, r.Actor, r.Subject, r.Detail = audit.Act(a.name), a.caller.Actor, a.subject, secrets.RedactText(a.caller.Reason)
		t.acts = append(t.acts, act{d.part, a.caller.Tenant, r})
	}
}

// hash is over everything that is written; none when nothing is.
func (d *docWrite) hash() audit.Hash {
	if len(d.puts)+len(d.deletes) == 0 {
		return audit.Hash{}
	}
	h := sha256.New()
	write := func(k store.Key, value []byte) {
		b := appendString([]byte{byte(k.Table)}, k.Tenant)
		b = appendString(b, k.ID)
		b = appendString(b, string(value))
		_, _ = h.Write(b) // a hash takes everything
	}
	for _, put := range d.puts {
		write(put.Key, put.Value)
	}
	for _, key := range d.deletes {
		write(key, nil)
	}
	return audit.Hash(h.Sum(nil))
}

// audit puts the records of a commit into its transactions, one row for each chain. A partition whose chain cannot be read
// does not commit: there is no act without its record.
func (l *lane) audit(ctx context.Context, b *batch) {
	t := &l.trail
	for i := range t.acts {
		a := &t.acts[i]
		c := audit.Chain{Partition: a.part, Tenant: a.tenant}
		page := t.pages[c]
		if page == nil && b.refused[a.part] != nil {
			continue
		}
		if page == nil {
			var err error
			if page, err = l.openPage(ctx, b, c); err != nil {
				b.refuse(a.part, fmt.Errorf("audit: %w", err))
				continue
			}
		}
		page.Add(a.record)
	}
	clear(t.acts)
	t.acts = t.acts[:0]
	for c, page := range t.pages {
		if b.refused[c.Partition] != nil {
			continue
		}
		tx := b.tx(l, c.Partition)
		tx.Puts = page.Puts(tx.Puts)
	}
}

// openPage begins the page of a chain in this commit. What was just read of a chain is checked once more by the commit: one
// whose outcome nobody knows may still have come in between.
func (l *lane) openPage(ctx context.Context, b *batch, c audit.Chain) (*audit.Page, error) {
	t := &l.trail
	if s, known := t.states[c]; known {
		return t.page(c, s), nil
	}
	s, read := t.read[c]
	delete(t.read, c)
	var err error
	if !read {
		s, err = audit.Load(ctx, l.r.store, c)
	}
	if errors.Is(err, audit.ErrCorrupt) {
		l.log.Error("audit chain is damaged: it goes on behind the damage, and a check of it will say so",
			"partition", c.Partition, "tenant", c.Tenant, "error", err)
	} else if err != nil {
		return nil, err
	}
	page := t.page(c, s)
	tx := b.tx(l, c.Partition)
	tx.Checks = append(tx.Checks, page.Check())
	return page, nil
}

// page takes a page for a chain's records in this commit.
func (t *trail) page(c audit.Chain, s audit.State) *audit.Page {
	var page *audit.Page
	if n := len(t.spare); n > 0 {
		page, t.spare = t.spare[n-1], t.spare[:n-1]
		page.Reset(c, s)
	} else {
		page = audit.NewPage(c, s)
	}
	t.pages[c] = page
	return page
}

// audited takes the chains of a commit to where they stand now; those of a partition whose commit failed are read again.
func (l *lane) audited(errs map[store.Partition]error) {
	t := &l.trail
	for c, page := range t.pages {
		if errs[c.Partition] == nil {
			t.states[c] = page.State()
		}
		page.Reset(audit.Chain{}, audit.State{})
		t.spare = append(t.spare, page)
	}
	clear(t.pages)
	if len(errs) > 0 {
		failed := func(c audit.Chain, _ audit.State) bool { return errs[c.Partition] != nil }
		maps.DeleteFunc(t.states, failed)
		maps.DeleteFunc(t.read, failed)
	}
	if len(t.states) > cachedChains {
		clear(t.states)
	}
	if len(t.read) > cachedChains {
		clear(t.read)
	}
}
