package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// entriesOf reads the ledger that workers' processes write line by line. A last line without its end is still being written, or was when
// its worker was killed, and is left out. Anything else that does not decode is an error: a line in the middle that is not whole may be
// an effect that nobody counts.
func entriesOf[E any](raw []byte) ([]E, error) {
	var all []E
	for line := range bytes.Lines(raw) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var e E
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("line %d of the ledger, %q: %w", len(all)+1, line, err)
		}
		all = append(all, e)
	}
	return all, nil
}

// TestLedgerAfterAKill cuts a ledger at every byte, as a kill may, and goes on behind the cut, as another worker does.
func TestLedgerAfterAKill(t *testing.T) {
	var whole []byte
	want := []ledgerEntry{{"begin", "r1", "s", 1, "w"}, {"end", "r1", "s", 1, "w"}}
	for _, e := range want {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(append(whole, line...), '\n')
	}
	first := bytes.IndexByte(whole, '\n') + 1
	for cut := range len(whole) + 1 {
		n := 0
		for _, end := range []int{first, len(whole)} {
			if cut >= end {
				n++
			}
		}
		got, err := entriesOf[ledgerEntry](whole[:cut])
		if err != nil || !slices.Equal(got, want[:n]) {
			t.Errorf("cut at %d: %v, %v", cut, got, err)
		}
		if cut == 0 || cut == first || cut == len(whole) {
			continue
		}
		for _, behind := range []string{string(whole[:first]), "\n"} {
			if got, err := entriesOf[ledgerEntry](slices.Concat(whole[:cut], []byte(behind))); err == nil && cut != first-1 && cut != len(whole)-1 {
				t.Errorf("cut at %d, and %q behind it: %v", cut, behind, got)
			} else if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("line %d of the ledger", n+1)) {
				t.Errorf("cut at %d: %v", cut, err)
			}
		}
	}
}
