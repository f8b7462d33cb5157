package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

// TestDumpFacts: the range reaches the engine, whichever end comes first in the address; what is no range, and runs of other tenants,
// are refused before the first line.
func TestDumpFacts(t *testing.T) {
	a := newAPI(t, nil)
	facts := prefix + "/runs/" + a.run() + "/facts"
	for query, want := range map[string][]uint64{
		"": {1, 2, 3}, "?from=2": {2, 3}, "?to=2": {1, 2}, "?from=2&to=5": {2, 3, 4, 5}, "?to=5&from=4": {4, 5}, "?from=2&to=2": {2}, "?from=4": nil,
	} {
		answer := a.call("GET", facts+query, "").want(200, "")
		if media := answer.Header().Get("Content-Type"); media != exportMedia {
			t.Errorf("%q: content type %q", query, media)
		}
		var got []uint64
		for lines := json.NewDecoder(answer.Body); ; {
			var f runner.DumpedFact
			if err := lines.Decode(&f); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			got = append(got, f.Seq)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: facts %v, want %v", query, got, want)
		}
	}
	for _, query := range []string{"from=0", "from=-1", "to=x", "to=", "from=9223372036854775808", "from=3&to=2", "to=2&from=3", "after=1"} {
		a.call("GET", facts+"?"+query, "").want(400, "invalid_argument")
	}
	a.call("GET", facts, "", "X-Tenant-ID: acme").want(404, "not_found")
	a.call("GET", prefix+"/runs/"+runID(77)+"/facts", "").want(404, "not_found")
	a.engine.sick = runner.ErrUnavailable
	a.call("GET", facts, "").want(503, "unavailable")
}

// TestDumpBreaksOff: a dump that fails on its way is no answer that ended, so that nobody takes a part for the whole.
func TestDumpBreaksOff(t *testing.T) {
	a := newAPI(t, nil)
	facts := prefix + "/runs/" + a.run() + "/facts"
	server := httptest.NewServer(a.g.Handler())
	t.Cleanup(server.Close)
	read := func() error {
		res, err := server.Client().Get(server.URL + facts)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("it was answered %s", res.Status)
		}
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	a.engine.mu.Lock()
	a.engine.audit.torn = 2
	a.engine.mu.Unlock()
	if err := read(); err == nil {
		t.Error("a part of the facts was answered like the whole")
	}
	if !strings.Contains(a.log.String(), "does not decode") {
		t.Error("the log does not say why the dump ended")
	}
}
