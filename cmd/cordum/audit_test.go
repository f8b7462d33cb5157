package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
	"cordum.dev/cordum/store/pebble"
)

// auditSeed is the private key of the servers of these tests.
var auditSeed = bytes.Repeat([]byte{9}, ed25519.SeedSize)

func auditEnv() string { return "CORDUM_AUDIT_KEY=" + base64.StdEncoding.EncodeToString(auditSeed) }

// records is a server, and a folder with what an auditor keeps outside the server.
type records struct {
	*running
	dir, data, head, public string
}

const noted = `
id: noted
steps:
  - {id: tell, type: notify, channel: log, message: "hello"}
  - {id: ask, type: approval, title: "Go on?", depends_on: [tell]}
`

// keepRecords runs a server that signs its audit log, does something that is recorded, and takes a head before and after.
func keepRecords(t *testing.T) *records {
	t.Helper()
	dir := t.TempDir()
	r := &records{dir: dir, data: filepath.Join(dir, "data"), head: filepath.Join(dir, "head.json"), public: filepath.Join(dir, "audit.pub")}
	r.running = serveDev(t, r.data, auditEnv(), "CORDUM_PARTITIONS=1") // one chain has it all
	text, err := audit.PublicPEM(ed25519.NewKeyFromSeed(auditSeed).Public().(ed25519.PublicKey))
	if err == nil {
		err = os.WriteFile(r.public, text, 0o600)
	}
	file := filepath.Join(dir, "noted.yaml")
	if err == nil {
		err = os.WriteFile(file, []byte(noted), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.want(exitOK, "workflow", "create", "--file", file)
	for range 8 {
		r.decided()
	}
	r.want(exitOK, "audit", "head", "-o", r.head)
	r.decided()
	return r
}

// decided runs the workflow to its end and answers the run.
func (r *records) decided() string {
	r.t.Helper()
	run := strings.TrimSpace(r.want(exitOK, "run", "start", "noted", "-o", "name").out)
	ask := run + ".ask~0"
	for until := time.Now().Add(deadline); r.run("approval", "approve", ask, "--comment", "fine").code != exitOK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			r.t.Fatalf("the approval %s never waits", ask)
		}
	}
	r.want(exitOK, "run", "watch", run)
	return run
}

// copied is a copy of the data folder of a server that has ended.
func (r *records) copied() string {
	r.t.Helper()
	to := filepath.Join(r.t.TempDir(), "copy")
	err := filepath.WalkDir(r.data, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.Join(to, strings.TrimPrefix(path, r.data))
		if e.IsDir() {
			return os.MkdirAll(name, 0o700)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(name, raw, 0o600)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return to
}

// tampered opens a copy as a server would and has do change the rows of its chain.
func (r *records) tampered(do func(rows []store.Record) (puts []store.Put, gone []store.Key)) string {
	r.t.Helper()
	dir, ctx := r.copied(), context.Background()
	s, err := pebble.Open(pebble.Config{Dir: dir})
	if err != nil {
		r.t.Fatal(err)
	}
	const part = store.Partition(0)
	page, err := s.Scan(ctx, part, store.Range{Table: store.TableAudit, Tenant: "default"})
	if err != nil {
		r.t.Fatal(err)
	}
	lease, err := s.Acquire(ctx, part, "somebody", time.Minute)
	if err != nil {
		r.t.Fatal(err)
	}
	puts, gone := do(page.Records)
	if err := s.Commit(ctx, store.Tx{Partition: part, Epoch: lease.Epoch, Deletes: gone})[0]; err != nil {
		r.t.Fatal(err)
	}
	if err := s.Commit(ctx, store.Tx{Partition: part, Epoch: lease.Epoch, Puts: puts})[0]; err != nil {
		r.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		r.t.Fatal(err)
	}
	return dir
}

// TestAuditVerifyFindsTampering changes the audit rows of copies of a real server's store in every way, and looks whether
// audit verify finds it with an earlier head, and without the server.
func TestAuditVerifyFindsTampering(t *testing.T) {
	r := keepRecords(t)
	r.end()
	verify := func(dir string, more ...string) result {
		return cordum(t.Context(), "", nil, append([]string{
			"audit", "verify", "--data-dir", dir, "--head", r.head, "--public-key", r.public, "-o", "json",
		}, more...)...)
	}
	if got := verify(r.copied(), "--logs"); got.code != exitOK {
		t.Fatalf("nobody touched it: %d\n%s%s", got.code, got.out, got.errOut)
	}
	anew := func(rows []store.Record, edit func([]audit.Record) []audit.Record) []store.Put {
		var all []audit.Record
		var chain audit.Chain
		for _, rec := range rows {
			row, err := audit.ReadRow(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			all, chain = append(all, row.Records...), row.Chain
		}
		page := audit.NewPage(chain, audit.State{Hash: chain.Genesis(), Known: true})
		for _, rec := range edit(all) {
			page.Add(rec)
		}
		return page.Puts(nil)
	}
	keys := func(rows []store.Record) (out []store.Key) {
		for _, rec := range rows {
			out = append(out, rec.Key)
		}
		return out
	}
	for name, do := range map[string]func([]store.Record) ([]store.Put, []store.Key){
		"edited": func(rows []store.Record) ([]store.Put, []store.Key) {
			i := slices.IndexFunc(rows, func(rec store.Record) bool { return bytes.Contains(rec.Value, []byte("user:dev")) })
			raw := bytes.Replace(rows[i].Value, []byte("user:dev"), []byte("user:ann"), 1)
			return []store.Put{{Key: rows[i].Key, Value: raw}}, nil
		},
		"deleted": func(rows []store.Record) ([]store.Put, []store.Key) { return nil, keys(rows[1:2]) },
		"truncated": func(rows []store.Record) ([]store.Put, []store.Key) {
			return nil, keys(rows[1:])
		},
		"reordered": func(rows []store.Record) ([]store.Put, []store.Key) {
			return []store.Put{{Key: rows[0].Key, Value: rows[1].Value}, {Key: rows[1].Key, Value: rows[0].Value}}, nil
		},
		"swapped": func(rows []store.Record) ([]store.Put, []store.Key) {
			var puts []store.Put
			for _, rec := range rows {
				puts = append(puts, store.Put{Key: store.Key{Table: rec.Key.Table, Tenant: "acme", ID: rec.Key.ID}, Value: rec.Value})
			}
			return puts, keys(rows)
		},
		"written anew": func(rows []store.Record) ([]store.Put, []store.Key) {
			return anew(rows, func(all []audit.Record) []audit.Record { all[0].Actor = "user:ann"; return all }), keys(rows)
		},
		"begun anew": func(rows []store.Record) ([]store.Put, []store.Key) {
			return anew(rows, func(all []audit.Record) []audit.Record { return all[len(all)-1:] }), keys(rows)
		},
	} {
		got := verify(r.tampered(do))
		var report audit.Report
		if err := json.Unmarshal([]byte(got.out), &report); err != nil {
			t.Fatalf("%s: %v\n%s%s", name, err, got.out, got.errOut)
		}
		if got.code != exitTampered || report.OK || len(report.Findings) == 0 {
			t.Errorf("%s: %d, %+v", name, got.code, report)
		}
	}
	// The head covers nothing of what came after it; the log of the run does.
	last := r.tampered(func(rows []store.Record) ([]store.Put, []store.Key) { return nil, keys(rows[len(rows)-1:]) })
	if got := verify(last, "--logs"); got.code != exitTampered {
		t.Errorf("the last row is gone, and neither head nor log tells: %s", got.out)
	}
}

func TestAuditCommands(t *testing.T) {
	r := keepRecords(t)
	run := r.decided()
	if got := r.want(exitOK, "audit", "list", "--run", run).out; !strings.Contains(got, "approval") || !strings.Contains(got, "decision") {
		t.Errorf("list:\n%s", got)
	}
	if got := r.want(exitOK, "audit", "list", "--act", "config.change", "-o", "name").out; strings.Count(got, "\n") != 1 {
		t.Errorf("list of one act:\n%s", got)
	}
	if got := r.want(exitOK, "audit", "verify"); !strings.Contains(got.out, "nothing was changed") {
		t.Errorf("the server's word:\n%s", got.out)
	}
	file := filepath.Join(r.dir, "audit.jsonl")
	r.want(exitOK, "audit", "export", "-o", file)
	if got := r.want(exitOK, "audit", "verify", file, "--head", r.head, "--public-key", r.public); strings.Contains(got.out, "not proven") {
		t.Errorf("an export:\n%s", got.out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(raw, []byte("user:dev"), []byte("user:ann"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	r.want(exitTampered, "audit", "verify", file)
	evidence := filepath.Join(r.dir, "evidence.json")
	r.want(exitOK, "run", "evidence", run, "-o", evidence)
	if got := r.want(exitOK, "evidence", "verify", evidence, "--public-key", r.public, "--head", r.head); strings.Contains(got.out, "not proven") {
		t.Errorf("evidence:\n%s", got.out)
	}
	if raw, err = os.ReadFile(evidence); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(evidence, bytes.Replace(raw, []byte("user:dev"), []byte("user:ann"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	r.want(exitTampered, "evidence", "verify", evidence, "--public-key", r.public)
	hold := strings.TrimSpace(r.want(exitOK, "audit", "hold", "set", "--run", run, "--reason", "case 7", "-o", "name").out)
	r.want(exitOK, "audit", "hold", "lift", hold)
	for _, line := range []string{
		"audit verify a b", "audit verify a --data-dir b", "audit verify --head " + r.head, "audit export --follow", "audit list --since yesterday",
		"audit export --to ftp://x", "audit hold set", "audit verify --data-dir " + filepath.Join(r.dir, "none"), "evidence verify " + filepath.Join(r.dir, "none"),
	} {
		r.want(exitUsage, strings.Fields(line)...)
	}
	if got := r.run("audit", "verify", "--data-dir", r.data); got.code != exitError || !strings.Contains(got.errOut, "in use") {
		t.Errorf("a folder in use: %d %s", got.code, got.errOut)
	}
}

// Records are sent to syslog as they are recorded, and the next call goes on where the last one ended.
func TestAuditGoesToSyslog(t *testing.T) {
	r := keepRecords(t)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(deadline))
	heard := func() string {
		buf := make([]byte, 4096)
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	place := filepath.Join(r.dir, "place")
	args := []string{"audit", "export", "--to", "syslog+udp://" + conn.LocalAddr().String(), "--place", place}
	if got := r.want(exitOK, append(args, "--act", "config.change")...); !strings.Contains(got.errOut, "1 records sent") {
		t.Errorf("%s", got.errOut)
	}
	if m := heard(); !strings.Contains(m, `act="config.change"`) {
		t.Errorf("%s", m)
	}
	run := r.decided()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan result, 1)
	go func() { done <- cordum(ctx, "", r.environ, append(args, "--follow", "--run", run)...) }()
	for m := heard(); !strings.Contains(m, `act="result"`) || strings.Contains(m, "subject="); m = heard() {
		if !strings.Contains(m, `run="`+run+`"`) {
			t.Errorf("of another run: %s", m)
		}
	}
	stop()
	<-done
}

func TestAuditSettings(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open.pem")
	if err := os.WriteFile(open, []byte(base64.StdEncoding.EncodeToString(auditSeed)), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, more := range map[string][]string{
		"can be read by other users": {"--audit-key-file", open},
		"needs a key":                {"--audit-retention", "24h"},
		"no such file":               {"--audit-key-file", filepath.Join(dir, "none")},
	} {
		args := append([]string{"serve", "--dev", "--data-dir", filepath.Join(dir, "data")}, more...)
		if r := cordum(t.Context(), "", nil, args...); r.code != exitUsage || !strings.Contains(r.errOut, want) {
			t.Errorf("%v: %d %s", more, r.code, r.errOut)
		}
	}
}

// TestDocumentedAuditCommands does what the page about the audit log says, with its own commands.
func TestDocumentedAuditCommands(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "audit.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh([ a-z]*)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 8 {
		t.Fatalf("%d blocks", len(blocks))
	}
	p := newProcess(t)
	p.checkout()
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	run := ""
	do := func(script string) string {
		return p.shell("export RUN='" + run + "' SINK='syslog+udp://" + sink.LocalAddr().String() + "'\ncordum() { bin/cordum \"$@\"; }\n" + script)
	}
	keys := slices.IndexFunc(blocks, func(b []string) bool { return strings.Contains(b[2], "openssl") })
	do(blocks[keys][2])
	p.start("CORDUM_AUDIT_KEY_FILE=" + filepath.Join(p.dir, "audit.pem"))
	if err := os.WriteFile(filepath.Join(p.dir, "tell.yaml"), []byte("id: tell\nsteps: [{id: say, type: notify, channel: log, message: hello}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	do("cordum workflow create --file tell.yaml")
	run = strings.TrimSpace(do("cordum run start tell --wait -o name"))
	for i, b := range blocks {
		if i == keys || b[1] != "" {
			continue
		}
		if out := do(b[2]); strings.Contains(out, "not proven") {
			t.Errorf("%s\n%s", b[2], out)
		}
	}
	p.kill()
	if err := os.Rename(filepath.Join(p.dir, "data"), filepath.Join(p.dir, "copy")); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if b[1] != "" {
			if out := do(b[2]); strings.Contains(out, "not proven") || !strings.Contains(out, "nothing was changed") {
				t.Errorf("%s\n%s", b[2], out)
			}
		}
	}
}
