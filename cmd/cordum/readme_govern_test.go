package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeGovernIt does what the README says of a policy: two people let a run go on, whoever started it is refused, a change
// is tried, published and taken back, and the audit log verifies.
func TestReadmeGovernIt(t *testing.T) {
	blocks := readmeBlocks(t)
	p := newProcess(t)
	p.start()
	p.checkout()
	p.startMigrationWorker()

	run := strings.TrimSpace(lastWords(p.shell(block(t, blocks, "governed-migration/workflow.yaml --input"))))
	names := strings.NewReplacer("APPROVAL_ID", run+".migrate~0", "RUN_ID", run)
	p.until("people are asked", func() bool { return strings.Contains(p.shell("bin/cordum approval list"), run) })

	refused := names.Replace("bin/cordum approval approve APPROVAL_ID --role dba")
	if !strings.Contains(names.Replace(readmeText(t)), refused) {
		t.Fatal("the README does not say who is refused")
	}
	if out := p.shell(refused + " 2>&1 || true"); !strings.Contains(out, "four_eyes") {
		t.Errorf("whoever started it was not refused:\n%s", out)
	}
	if out := p.shell(names.Replace(block(t, blocks, "--as user:bob --role dba"))); !strings.Contains(out, "2 of role:dba") || !strings.Contains(out, "consumed") {
		t.Errorf("the approval was not shown, or not used up:\n%s", out)
	}
	before := orderOf(t, p.timeline(run))
	before("step_succeeded backup", "approval_requested migrate")
	before("approval_approved migrate", "job_released migrate")
	before("job_released migrate", "job_dispatched migrate")

	changed := p.shell(block(t, blocks, "policy rollback"))
	for _, want := range []string{`production +DENY +acme/release-managers-only`, `2 newly denied`, `act +rollback to 2`} {
		if !regexp.MustCompile(want).MatchString(changed) {
			t.Errorf("%q was expected:\n%s", want, changed)
		}
	}
	checked := p.shell(names.Replace(block(t, blocks, "audit verify")))
	for _, want := range []string{"user:ann", "user:bob", "nothing was changed"} {
		if !strings.Contains(checked, want) {
			t.Errorf("%q was expected:\n%s", want, checked)
		}
	}
}

// TestGovernedMigrationPage runs the commands of the example's page, which need no server.
func TestGovernedMigrationPage(t *testing.T) {
	p := newProcess(t)
	p.checkout()
	page, err := os.ReadFile(filepath.Join(root, "examples", "governed-migration", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindSubmatch(page)
	out := p.shell("PATH=$PWD/bin:$PATH\n" + string(commands[1]))
	for _, want := range []string{"9 passed", "release-managers-only", "2 of role:dba, asked by", "5 passed"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q was expected:\n%s", want, out)
		}
	}
}

func lastWords(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
