package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const crashtestOrder = `
id: order
on_failure: rollback
steps:
  - {id: reserve, topic: job.stock.reserve, idempotent: true, compensate: {topic: job.stock.release, idempotent: true}}
  - {id: charge, depends_on: [reserve], topic: job.billing.charge, idempotent: true, compensate: {topic: job.billing.refund, idempotent: true}}
  - {id: paid, type: wait, signal: paid, depends_on: [charge]}
  - {id: gate, type: approval, depends_on: [paid]}
  - {id: tell, type: notify, message: shipped, depends_on: [gate]}
`

// crashtest runs the command of the binary that users have.
func crashtest(t *testing.T, dir string, args ...string) (report crashReport, code int, said string) {
	t.Helper()
	binary, err := binaries[""]()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, append([]string{"workflow", "crashtest", "-o", "json"}, args...)...)
	var out, errOut bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errOut
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatalf("%v: %s", err, out.Bytes())
		}
	}
	return report, cmd.ProcessState.ExitCode(), errOut.String()
}

func crashtestFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A workflow that is idempotent throughout survives every crash; what a lost worker did twice is told.
func TestCrashtestSurvives(t *testing.T) {
	t.Parallel()
	dir := crashtestFolder(t, map[string]string{"order.yaml": crashtestOrder})
	report, code, said := crashtest(t, dir, "order.yaml", "--hits", "1")
	if code != exitOK || report.Failed != 0 || report.Passed != len(report.Cells) || report.Clean.State != "succeeded" {
		t.Fatalf("exit %d, %d failed: %s%+v", code, report.Failed, said, report.Cells)
	}
	points := map[string]crashCase{}
	for _, c := range report.Cells {
		if points[c.Point] = c; !c.Ended || c.What == "" {
			t.Errorf("%+v", c)
		}
	}
	for _, point := range []string{"CP1", "CP2", "CP3", "CP4", "CP5", "CP7", "CP12", "CP13", "CP16", crashAtBegin, crashAtEnd} {
		if _, met := points[point]; !met {
			t.Errorf("the server did not die at %s", point)
		}
	}
	want := crashTwice{Step: "reserve", Times: 2, Idempotent: true}
	if got := points[crashAtEnd].Twice; !slices.Contains(got, want) {
		t.Errorf("a worker died behind its work, and this was done twice: %+v", got)
	}
}

// A compensation of which nobody knows waits for a person: the report says so, and the exit code. People answer as the case says.
func TestCrashtestFindsWhatWaits(t *testing.T) {
	t.Parallel()
	dir := crashtestFolder(t, map[string]string{
		"order.yaml": strings.NewReplacer("idempotent: true, compensate", "compensate", ", idempotent: true}}", "}}").Replace(crashtestOrder),
		"order.test.yaml": `
id: refused
workflow: order.yaml
approvals: {gate: {decision: deny}}
expect: {status: failed}
`,
	})
	report, code, said := crashtest(t, dir, "order.test.yaml", "--hits", "1", "--points", "CP15,worker-end")
	if code != exitTests || report.Clean.State != "failed" || report.Clean.Compensation != "done" || len(report.Cells) != 2 {
		t.Fatalf("exit %d: %s%+v", code, said, report)
	}
	server, worker := report.Cells[0], report.Cells[1]
	if !server.OK || !slices.Equal(server.Undone, []string{"charge", "reserve"}) {
		t.Errorf("between two compensations: %+v", server)
	}
	if worker.OK || worker.Compensation != "held" || !strings.Contains(worker.Why, "waits for a person") {
		t.Errorf("a lost worker: %+v", worker)
	}
}

// A workflow without an id, as the README's, is played too.
func TestCrashtestOfWhatHasNoID(t *testing.T) {
	t.Parallel()
	dir := crashtestFolder(t, map[string]string{
		"load.yaml": "steps:\n  - {id: a, topic: job.x.a, idempotent: true}\n  - {id: b, topic: job.x.b, idempotent: true, depends_on: [a]}\n",
	})
	report, code, said := crashtest(t, dir, "load.yaml", "--hits", "1", "--points", "CP3")
	if code != exitOK || len(report.Cells) != 1 || report.Clean.State != "succeeded" {
		t.Errorf("exit %d: %s%+v", code, said, report)
	}
}

// A run that the server refuses to start says why, at once.
func TestCrashtestSaysWhyNothingStarts(t *testing.T) {
	t.Parallel()
	dir := crashtestFolder(t, map[string]string{
		"order.yaml": "id: order\ninput: {type: object, required: [order]}\nsteps: [{id: a, topic: job.x.a}]\n",
	})
	_, code, said := crashtest(t, dir, "order.yaml", "--run-timeout", "10m")
	if code != exitUsage || !strings.Contains(said, "order") || !strings.Contains(said, "--input") {
		t.Errorf("exit %d: %s", code, said)
	}
}

func TestCrashtestRefuses(t *testing.T) {
	t.Parallel()
	dir := crashtestFolder(t, map[string]string{
		"order.yaml": crashtestOrder,
		"bad.yaml":   "id: bad\nsteps: [{id: a, topic: job.x, depend_on: [b]}]\n",
		"verbs.yaml": "id: v\nworkflow: order.yaml\ndo: [{after: $end, verb: retry}]\nexpect: {status: failed}\n",
	})
	for args, want := range map[string]int{
		"bad.yaml": exitDefinition, "verbs.yaml": exitUsage, "order.yaml --hits 0": exitUsage, "order.yaml --points CP99": exitUsage, "none.yaml": exitUsage,
	} {
		if _, code, said := crashtest(t, dir, strings.Fields(args)...); code != want {
			t.Errorf("%s: exit %d, want %d: %s", args, code, want, said)
		}
	}
}

// The server that dies can only be started by the command, and only in a folder that was made for it.
func TestCrashServerIsNobodysServer(t *testing.T) {
	t.Parallel()
	binary, err := binaries[""]()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary, crashServerName).CombinedOutput(); err == nil || !bytes.Contains(out, []byte("only")) {
		t.Errorf("it started by itself: %v: %s", err, out)
	}
	dir := crashtestFolder(t, map[string]string{crashSecretFile: strings.Repeat("a", crashSecretSize)})
	for name, hello := range map[string]crashHello{
		"another secret": {Secret: strings.Repeat("b", crashSecretSize), Dir: dir},
		"no secret":      {Dir: dir},
		"another folder": {Secret: strings.Repeat("a", crashSecretSize), Dir: t.TempDir()},
	} {
		if hello.check() == nil {
			t.Errorf("%s was taken", name)
		}
	}
	right := crashHello{Secret: strings.Repeat("a", crashSecretSize), Dir: dir}
	if err := right.check(); err != nil {
		t.Error(err)
	}
	cmd := exec.Command(binary, "serve", "--dev", "--addr", "127.0.0.1:0", "--nats-addr", "127.0.0.1:0", "--crash", "CP1:1:exit")
	if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("unknown flag")) {
		t.Errorf("serve has a flag for it: %v: %s", err, out)
	}
}

// A crash is tried at the first, the last and times between.
func TestSpread(t *testing.T) {
	for n, want := range map[int][]int{0: nil, 1: {1}, 3: {1, 2, 3}, 9: {1, 5, 9}} {
		if got := spread(n, 3); !slices.Equal(got, want) {
			t.Errorf("of %d: %v, want %v", n, got, want)
		}
	}
}
