package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// This file reads what a commit writes, a second time and without the code that wrote it: the law is not to believe the runner.

// committed is one fact as it lies in the store.
type committed struct {
	run  string
	seq  uint64
	fact codec.Fielder
	hash audit.Hash // that its audit record must have
}

// factsOf reads the facts that an entry holds. Known is false of one whose facts lie elsewhere, as those of a large commit do.
func factsOf(a store.Append) (out []committed, known bool, err error) {
	if len(a.Value) == 0 || a.Value[0] != 1 {
		return nil, false, nil
	}
	in := frame{a.Value[1:]}
	var at []byte // time, actor and reason, as the hash has them
	for seq := a.First; len(in.rest) > 0; seq++ {
		kind := in.uvarint()
		if kind&1 == 1 {
			before := in.rest
			_ = in.varint()
			_, _ = in.bytes(), in.bytes()
			at = before[:len(before)-len(in.rest)]
		}
		body := in.bytes()
		fact := newFact(kind >> 1)
		if fact == nil {
			return nil, true, fmt.Errorf("fact %d of run %s has kind %d, which nobody knows", seq, a.Log.Run, kind>>1)
		}
		if err := codec.Decode(body, fact); err != nil {
			return nil, true, fmt.Errorf("fact %d of run %s: %w", seq, a.Log.Run, err)
		}
		said := append(binary.AppendUvarint(nil, kind>>1), at...)
		out = append(out, committed{a.Log.Run, seq, fact, sha256.Sum256(append(said, body...))})
	}
	return out, true, nil
}

func newFact(kind uint64) codec.Fielder {
	if f := engine.NewFact(engine.FactKind(kind)); f != nil {
		return f
	}
	if f := scheduler.NewFact(scheduler.FactKind(kind)); f != nil {
		return f
	}
	if f := safety.NewApprovalFact(safety.ApprovalFactKind(kind)); f != nil {
		return f
	}
	return nil
}

// frame is the rest of an entry.
type frame struct{ rest []byte }

func (f *frame) uvarint() uint64 {
	v, n := binary.Uvarint(f.rest)
	f.rest = f.rest[n:]
	return v
}

func (f *frame) varint() int64 {
	v, n := binary.Varint(f.rest)
	f.rest = f.rest[n:]
	return v
}

func (f *frame) bytes() []byte {
	n := f.uvarint()
	out := f.rest[:n]
	f.rest = f.rest[n:]
	return out
}

// actOf is the act that a fact must have a record of; "" none.
func actOf(f codec.Fielder) audit.Act {
	switch f.(type) {
	case *scheduler.JobDecided, *engine.OutputJudged:
		return audit.Decision
	case *scheduler.JobReleased, *scheduler.JobWithheld:
		return audit.Release
	case *engine.StepSucceededFact, *engine.StepEnded, *engine.RetrySet, *engine.LateResult, *engine.UndoSettled, *engine.RunEnded:
		return audit.Result
	case *engine.OutputHeld:
		return audit.Quarantine
	case *engine.RunStarted:
		return audit.RunStart
	case *engine.InputEdited:
		return audit.Override
	case safety.ApprovalFact:
		return audit.Approval
	}
	return ""
}

// place is what a record says that it is about.
type place struct {
	run string
	seq uint64
	act audit.Act
}

// acted are the audit records of one transaction that name a fact.
func acted(tx store.Tx) (map[place][]audit.Hash, error) {
	out := map[place][]audit.Hash{}
	for _, put := range tx.Puts {
		if put.Key.Table != store.TableAudit {
			continue
		}
		row, err := audit.ReadRow(put.Value)
		if err != nil {
			return nil, fmt.Errorf("audit row %s: %w", put.Key.ID, err)
		}
		for _, r := range row.Records {
			if r.FactSeq > 0 {
				p := place{r.Run, r.FactSeq, r.Act}
				out[p] = append(out[p], r.FactHash)
			}
		}
	}
	return out, nil
}
