package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// pagesServer answers each call with the next of some pages, and keeps what it was asked.
func pagesServer(t *testing.T, pages ...string) (url string, asked *[]string) {
	t.Helper()
	asked = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := len(*asked)
		*asked = append(*asked, r.URL.Query().Get("limit")+" "+r.URL.Query().Get("cursor")+r.URL.Query().Get("after"))
		if n >= len(pages) {
			http.Error(w, "there are no more pages", http.StatusTeapot)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, pages[n])
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// TestListGoesOnByItself: pages that the server left short, or empty, are one to who lists, until it is full or nothing is left.
func TestListGoesOnByItself(t *testing.T) {
	item := func(id string) string { return `{"id":"` + id + `","kind":"workflow","workflow":"w","state":"failed"}` }
	for name, c := range map[string]struct {
		pages    []string
		out, err string
		asked    []string
	}{
		"empty, then the end": {
			[]string{`{"items":[],"next_cursor":"a"}`, `{"items":[],"next_cursor":"b"}`, `{"items":[]}`}, "", "", []string{"2 ", "2 a", "2 b"},
		},
		"until it is full": {
			[]string{`{"items":[],"next_cursor":"a"}`, `{"items":[` + item("1") + `],"next_cursor":"b"}`, `{"items":[` + item("2") + `],"next_cursor":"c"}`},
			"1\n2\n", "--cursor c",
			[]string{"2 ", "2 a", "1 b"},
		},
		"the end is on the way": {
			[]string{`{"items":[` + item("1") + `],"next_cursor":"a"}`, `{"items":[]}`}, "1\n", "", []string{"2 ", "1 a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := pagesServer(t, c.pages...)
			r := cordum(t.Context(), "", nil, "run", "list", "--workflow", "w", "--state", "failed", "--limit", "2", "-o", "name", "--server", url)
			if r.code != exitOK || r.out != c.out || !strings.Contains(r.errOut, c.err) || (c.err == "") != (r.errOut == "") {
				t.Errorf("%d %q %q", r.code, r.out, r.errOut)
			}
			if !slices.Equal(*asked, c.asked) {
				t.Errorf("it asked %q, want %q", *asked, c.asked)
			}
		})
	}
}

// TestAuditGoesOnByItself: empty pages on the way end neither a list of audit records nor an export of them.
func TestAuditGoesOnByItself(t *testing.T) {
	record := func(seq string) string {
		return `{"partition":1,"seq":` + seq + `,"at":"2026-05-04T03:02:01Z","tenant":"default","act":"approval","actor":"user:ann"}`
	}
	url, asked := pagesServer(t, `{"items":[],"next_cursor":"a"}`, `{"items":[`+record("7")+`],"next_cursor":"b"}`, `{"items":[]}`)
	r := cordum(t.Context(), "", nil, "audit", "list", "--act", "approval", "--limit", "2", "-o", "json", "--server", url)
	if r.code != exitOK || !strings.Contains(r.out, "user:ann") || !slices.Equal(*asked, []string{"2 ", "2 a", "1 b"}) {
		t.Errorf("list: %d %q %q, it asked %q", r.code, r.out, r.errOut, *asked)
	}

	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	// The oldest come first: the end is the cursor that stays as it is.
	url, asked = pagesServer(t, `{"items":[],"next_cursor":"a"}`, `{"items":[`+record("7")+`],"next_cursor":"b"}`, `{"items":[],"next_cursor":"c"}`,
		`{"items":[`+record("8")+`],"next_cursor":"d"}`, `{"items":[],"next_cursor":"d"}`)
	r = cordum(t.Context(), "", nil, "audit", "export", "--act", "approval", "--to", "syslog+udp://"+sink.LocalAddr().String(), "--server", url)
	if r.code != exitOK || !strings.Contains(r.errOut, "2 records sent") || len(*asked) != 5 {
		t.Errorf("export: %d %q, it asked %q", r.code, r.errOut, *asked)
	}
}

// TestLogsTail: the newest lines are shown, whichever job wrote them and on whichever page they came, in the order of the log.
func TestLogsTail(t *testing.T) {
	began := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	page := func(next string, lines ...runner.LogLine) string {
		items := make([]doc[runner.LogLine], len(lines))
		for i := range lines {
			items[i] = doc[runner.LogLine]{V: lines[i]}
		}
		raw, err := json.Marshal(logPage{Items: items, NextAfter: next})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	line := func(job string, n int64, second int) runner.LogLine {
		return runner.LogLine{JobID: job, Step: job, Attempt: 1, N: n, At: began.Add(time.Duration(second) * time.Second), Text: job + strconv.FormatInt(n, 10)}
	}
	pages := []string{
		page("x", line("a", 1, 0), line("a", 2, 9), line("a", 3, 20)),
		page("y", line("b", 1, 5), line("b", 2, 21)),
		page("", line("c", 1, 2), line("c", 2, 3)),
	}
	for tail, want := range map[int]string{0: "a1 a2 a3 b1 b2 c1 c2", 1: "b2", 2: "a3 b2", 3: "a2 a3 b2", 7: "a1 a2 a3 b1 b2 c1 c2", 100: "a1 a2 a3 b1 b2 c1 c2"} {
		url, asked := pagesServer(t, pages...)
		r := cordum(t.Context(), "", nil, "run", "logs", "07R", "--tail", strconv.Itoa(tail), "-o", "name", "--server", url)
		if got := strings.Join(strings.Fields(r.out), " "); r.code != exitOK || got != want || len(*asked) != len(pages) {
			t.Errorf("--tail %d: %d %q %q, %d pages, want %q", tail, r.code, got, r.errOut, len(*asked), want)
		}
	}
	if r := cordum(t.Context(), "", nil, "run", "logs", "07R", "--tail", "-1"); r.code != exitUsage {
		t.Errorf("a negative tail: %d %q", r.code, r.errOut)
	}
}
