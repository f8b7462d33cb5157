package engine

import (
	"errors"
	"path/filepath"
	"testing"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/steps"
)

// FuzzDecodeFact: no bytes make a decoder panic, and what decodes is written as it is read.
func FuzzDecodeFact(f *testing.F) {
	_, log := seeds(f)
	for _, l := range log {
		facts, err := unstore(l)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range facts {
			f.Add(byte(s.fact.Kind()), codec.Append(nil, s.fact))
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, raw []byte) {
		fact := NewFact(FactKind(kind))
		if fact == nil {
			return
		}
		if codec.Decode(raw, fact) != nil {
			return
		}
		again := NewFact(FactKind(kind))
		written := codec.Append(nil, fact)
		if err := codec.Decode(written, again); err != nil {
			t.Fatalf("%T does not read what it wrote: %v", fact, err)
		}
		if string(codec.Append(nil, again)) != string(written) {
			t.Fatalf("%T is written differently the second time", fact)
		}
	})
}

// FuzzFold: a damaged log gives the state of its sound prefix and an error, never a panic; and what is left decides or
// refuses.
func FuzzFold(f *testing.F) {
	plans, logs := seeds(f)
	for i, l := range logs {
		f.Add(byte(i), l, byte(0))
		f.Add(byte(i), l[:len(l)*2/3], byte(3))
	}
	f.Fuzz(func(t *testing.T, which byte, raw []byte, drop byte) {
		plan := plans[int(which)%len(plans)]
		log, _ := unstore(raw)
		r := New(testRun, plan)
		for n, s := range log {
			if drop > 0 && n%int(drop) == int(drop)-1 {
				continue
			}
			before := codec.Append(nil, r)
			if err := Apply(r, s.at, s.fact); err != nil {
				if string(codec.Append(nil, r)) != string(before) {
					t.Fatalf("a refused %T changed the run", s.fact)
				}
				break
			}
		}
		snapshot := codec.Append(nil, r)
		if err := codec.Decode(snapshot, New(testRun, plan)); err != nil {
			t.Fatalf("the state after a sound prefix is not read back: %v", err)
		}
		for _, in := range []Input{Resume{}, Cancel{Rollback: true}, Continue{}, Rollback{}, Retry{}, TimerDue{Timer: TimerRun, Step: none}} {
			if _, err := Decide(r, in); err != nil && !errors.As(err, new(*Refusal)) && !errors.Is(err, ErrBadFact) {
				t.Fatalf("%T: %v", in, err)
			}
		}
	})
}

// FuzzSnapshot: no bytes make the reader of a snapshot panic.
func FuzzSnapshot(f *testing.F) {
	plans, logs := seeds(f)
	for i, l := range logs {
		log, _ := unstore(l)
		f.Add(byte(i), codec.Append(nil, fold(f, plans[i], log)))
		f.Add(byte(i), codec.Append(nil, fold(f, plans[i], log[:len(log)/2])))
	}
	f.Fuzz(func(t *testing.T, which byte, raw []byte) {
		plan := plans[int(which)%len(plans)]
		r := New(testRun, plan)
		if codec.Decode(raw, r) != nil {
			return
		}
		if written := codec.Append(nil, r); codec.Decode(written, New(testRun, plan)) != nil {
			t.Fatal("a snapshot that was read is not read when it is written again")
		}
	})
}

// seeds are the golden logs and their definitions.
func seeds(f *testing.F) (plans []*steps.Workflow, logs [][]byte) {
	f.Helper()
	paths, err := filepath.Glob("testdata/golden/v*/*.bin")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no golden logs: %v", err)
	}
	for _, path := range paths {
		raw, want := readGolden(f, path)
		plans = append(plans, load(f, string(want.Definition)))
		logs = append(logs, raw)
	}
	return plans, logs
}
