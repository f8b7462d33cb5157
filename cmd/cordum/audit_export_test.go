package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// taking is a webhook that keeps the numbers of the records it takes; before each call it asks whether it shall.
func taking(t *testing.T, shall func(call int, gone <-chan struct{}) bool) (url string, taken func() []uint64) {
	t.Helper()
	var mu sync.Mutex
	var seqs []uint64
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body) // what is read whole tells when who called has gone
		mu.Lock()
		calls++
		n := calls
		mu.Unlock()
		var in struct{ Records []struct{ Seq uint64 } }
		if err != nil || json.Unmarshal(raw, &in) != nil || !shall(n, r.Context().Done()) {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, record := range in.Records {
			seqs = append(seqs, record.Seq)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []uint64 {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seqs)
	}
}

// auditPage is a page of records, the oldest first, with the cursor behind them.
func auditPage(cursor string, seqs ...uint64) string {
	items := []string{}
	for _, seq := range seqs {
		items = append(items, fmt.Sprintf(`{"partition":1,"seq":%d,"at":"2026-05-04T03:02:01Z","tenant":"default","act":"approval","actor":"user:ann"}`, seq))
	}
	return `{"items":[` + strings.Join(items, ",") + `],"next_cursor":"` + cursor + `"}`
}

// TestAuditExportGoesOnLater: an export that an interrupt, the sink, or the server ends early says how to go on, and the next call does
// so behind what was taken: nothing is left out, and nothing that its place is behind is sent again.
func TestAuditExportGoesOnLater(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	hook, taken := taking(t, func(call int, gone <-chan struct{}) bool {
		switch call {
		case 2:
			interrupt()
			<-gone
			return false
		case 3:
			return false
		}
		return true
	})
	place := filepath.Join(t.TempDir(), "place")
	export := func(ctx context.Context, pages ...string) (result, []string) {
		url, asked := pagesServer(t, pages...)
		return cordum(ctx, "", nil, "audit", "export", "--to", hook, "--place", place, "--act", "approval", "--server", url), *asked
	}
	expect := func(r result, asked []string, code int, says, kept string, begin string) {
		t.Helper()
		raw, err := os.ReadFile(place)
		if r.code != code || !strings.Contains(r.errOut, says) || string(raw) != kept || err != nil || len(asked) == 0 || asked[0] != "1000 "+begin {
			t.Fatalf("%d, %s; it asked %q; kept is %q, %v", r.code, r.errOut, asked, raw, err)
		}
	}
	r, asked := export(ctx, auditPage("a"), auditPage("b", 1, 2), auditPage("c", 3))
	expect(r, asked, exitInterrupted, "2 records sent; the same call goes on there", "b\n", "")
	r, asked = export(t.Context(), auditPage("c", 3))
	expect(r, asked, exitError, "0 records sent; the same call goes on there", "b\n", "b")
	r, asked = export(t.Context(), auditPage("c", 3)) // there are no more pages: the server is away
	expect(r, asked, exitError, "1 records sent; the same call goes on there", "c\n", "b")
	r, asked = export(t.Context(), auditPage("d"), auditPage("e", 4), auditPage("f"), auditPage("f"))
	expect(r, asked, exitOK, "1 records sent\n", "f\n", "c")
	if got := taken(); !slices.Equal(got, []uint64{1, 2, 3, 4}) {
		t.Errorf("taken were %d", got)
	}
}

// TestAuditExportSaysItsCursor: without a file that keeps the place, the cursor to go on with is said.
func TestAuditExportSaysItsCursor(t *testing.T) {
	hook, _ := taking(t, func(int, <-chan struct{}) bool { return true })
	url, _ := pagesServer(t, auditPage("a"), auditPage("b", 1))
	r := cordum(t.Context(), "", nil, "audit", "export", "--to", hook, "--server", url)
	if r.code != exitError || !strings.Contains(r.errOut, "1 records sent; go on there with --cursor b\n") {
		t.Errorf("%d %s", r.code, r.errOut)
	}
	url, asked := pagesServer(t, auditPage("c", 2), auditPage("c"))
	r = cordum(t.Context(), "", nil, "audit", "export", "--to", hook, "--cursor", "b", "--server", url)
	if r.code != exitOK || (*asked)[0] != "1000 b" {
		t.Errorf("%d %s; it asked %q", r.code, r.errOut, *asked)
	}
}

// TestAuditPlaceIsReplaced: how far an export has come is in its file whole or as before, whenever the export is killed; a file that has
// something else is named.
func TestAuditPlaceIsReplaced(t *testing.T) {
	dir := t.TempDir()
	place, before := filepath.Join(dir, "place"), filepath.Join(dir, "before")
	if err := os.WriteFile(place, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(place, before); err != nil {
		t.Fatal(err)
	}
	hook, _ := taking(t, func(int, <-chan struct{}) bool { return true })
	url, _ := pagesServer(t, auditPage("b", 1), auditPage("b"))
	args := []string{"audit", "export", "--to", hook, "--place", place, "--server"}
	r := cordum(t.Context(), "", nil, append(args, url)...)
	now, err := os.ReadFile(place)
	if r.code != exitOK || string(now) != "b\n" || err != nil {
		t.Fatalf("%d %s; kept is %q, %v", r.code, r.errOut, now, err)
	}
	if was, err := os.ReadFile(before); string(was) != "a\n" || err != nil {
		t.Errorf("the file of before was written over: %q, %v", was, err)
	}

	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"status":400,"title":"The cursor is not valid","code":"invalid_cursor"}`)
	}))
	defer s.Close()
	if r = cordum(t.Context(), "", nil, append(args, s.URL)...); r.code != exitUsage || !strings.Contains(r.errOut, place+" holds no place in this server's audit log: remove it") {
		t.Errorf("%d %s", r.code, r.errOut)
	}
}

// TestAuditExportIsWhole: an export that ends early leaves the file of before, or none, and nothing beside it, and says what to do.
func TestAuditExportIsWhole(t *testing.T) {
	const half = `{"cordum_audit":{"version":1,"at":"2026-05-04T03:02:01Z"}}` + "\n" + `{"partition":1,"se`
	for name, end := range map[string]func(dir string, interrupt func()){
		"the server is killed": func(string, func()) { panic(http.ErrAbortHandler) },
		"the store is away":    func(string, func()) {}, // the server ends the answer as it ends any
		"somebody interrupts it": func(dir string, interrupt func()) {
			for until := time.Now().Add(deadline); len(globbed(t, dir, ".cordum-*")) == 0; time.Sleep(time.Millisecond) {
				if time.Now().After(until) {
					t.Error("nothing is written")
					break
				}
			}
			interrupt()
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, before := range []string{"", "of before"} {
				ctx, interrupt := context.WithCancel(t.Context())
				dir := t.TempDir()
				s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(w, half)
					_ = http.NewResponseController(w).Flush()
					if end(dir, interrupt); ctx.Err() != nil {
						<-r.Context().Done()
					}
				}))
				t.Cleanup(s.Close)
				file := filepath.Join(dir, "audit.jsonl")
				if before != "" {
					if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				r := cordum(ctx, "", nil, "audit", "export", "-o", file, "--server", s.URL)
				if r.code == exitOK || !strings.Contains(r.errOut, file+" is as it was: export again, from the beginning") {
					t.Errorf("%d %s", r.code, r.errOut)
				}
				if raw, _ := os.ReadFile(file); string(raw) != before {
					t.Errorf("the file has %q", raw)
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) != min(1, len(before)) {
					t.Errorf("in the folder are %v, %v", left, err)
				}
			}
		})
	}
}

func globbed(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Error(err)
	}
	return found
}

// TestOutputIntoAPipe: -o writes to a pipe or a device that is there, and does not put a file in its place.
func TestOutputIntoAPipe(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"end":{"records":0}}`+"\n") }))
	defer s.Close()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	end, err := os.OpenFile(pipe, os.O_RDWR, 0) // both ends: it waits for nobody
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	r := cordum(t.Context(), "", nil, "audit", "export", "-o", pipe, "--server", s.URL)
	if there, err := os.Lstat(pipe); r.code != exitOK || err != nil || there.Mode().Type() != os.ModeNamedPipe {
		t.Fatalf("%d %s; it is %v, %v", r.code, r.errOut, there.Mode(), err)
	}
	if line, err := bufio.NewReader(end).ReadString('\n'); line != `{"end":{"records":0}}`+"\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
}
