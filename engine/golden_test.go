package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"cordum.dev/cordum/internal/codec"
)

// golden is what a stored log must still mean: its definition and the state it folds to.
type golden struct {
	Definition json.RawMessage `json:"definition"`
	State      []string        `json:"state"`
}

// storedFact is a fact in a golden log, as the runner stores one: kind, stamp, fields.
type storedFact struct {
	kind  uint64
	stamp Stamp
	raw   []byte
}

func (s *storedFact) Fields(c *codec.Codec) {
	c.Uint(&s.kind)
	c.Time(&s.stamp.At)
	c.String(&s.stamp.Actor)
	c.String(&s.stamp.Reason)
	c.Bytes(&s.raw)
}

// storedLog is a whole log.
type storedLog []storedFact

func (l *storedLog) Fields(c *codec.Codec) {
	codec.List(c, (*[]storedFact)(l), func(c *codec.Codec, s *storedFact) { s.Fields(c) })
}

func store(log []stampedFact) []byte {
	var l storedLog
	for _, f := range log {
		l = append(l, storedFact{uint64(f.fact.Kind()), f.at, codec.Append(nil, f.fact)})
	}
	return codec.Append(nil, &l)
}

// unstore reads a log as far as it can be read.
func unstore(raw []byte) ([]stampedFact, error) {
	var l storedLog
	if err := codec.Decode(raw, &l); err != nil {
		return nil, err
	}
	var out []stampedFact
	for _, s := range l {
		f := NewFact(FactKind(s.kind))
		if f == nil || s.kind > 255 {
			return out, fmt.Errorf("%w: kind %d", ErrBadFact, s.kind)
		}
		if err := codec.Decode(s.raw, f); err != nil {
			return out, err
		}
		out = append(out, stampedFact{s.stamp, f})
	}
	return out, nil
}

// today is the version of the encoding that is written today: its logs are read and written byte for byte. Those of earlier
// ones have fewer fields, and are only read.
const today = "v2"

// TestGoldenLogs reads logs that were stored before and folds them to the state they meant then. One file for each story and
// version of the encoding; -update adds what is missing and never rewrites one.
func TestGoldenLogs(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	logs, err := filepath.Glob("testdata/golden/v*/*.bin")
	if err != nil || len(logs) < 6 {
		t.Fatalf("found %d golden logs, %v", len(logs), err)
	}
	kinds := map[FactKind]bool{}
	for _, path := range logs {
		t.Run(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), func(t *testing.T) {
			raw, want := readGolden(t, path)
			log, err := unstore(raw)
			if err != nil {
				t.Fatal(err)
			}
			isToday := filepath.Base(filepath.Dir(path)) == today
			for _, f := range log {
				kinds[f.fact.Kind()] = kinds[f.fact.Kind()] || isToday
			}
			r := fold(t, load(t, string(want.Definition)), log)
			if got := standing(r); !slices.Equal(got, want.State) {
				t.Errorf("folds to\n%q\nbut meant\n%q", got, want.State)
			}
			if isToday && !bytes.Equal(store(log), raw) {
				t.Error("the log is written differently today")
			}
		})
	}
	for k := FactKind(1); NewFact(k) != nil; k++ {
		if !kinds[k] {
			t.Errorf("no golden log of today has a fact of kind %d (%T)", k, NewFact(k))
		}
	}
}

func readGolden(t testing.TB, path string) (raw []byte, want golden) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path[:len(path)-len(".bin")] + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	return raw, want
}

func writeGolden(t *testing.T) {
	t.Helper()
	for _, story := range storyFiles(t) {
		base := filepath.Join("testdata/golden", today, storyName(story))
		if _, err := os.Stat(base + ".bin"); err == nil {
			continue
		}
		d, _, _ := tell(t, story)
		text, err := json.MarshalIndent(golden{d.run.Plan.Def.Canonical, standing(d.run)}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(base+".json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(base+".bin", store(d.log), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
