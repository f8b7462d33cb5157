package runner_test

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/safety"
)

func TestConstraintsReachTheWorkerAndHold(t *testing.T) {
	bound := constrained(t, "{type: MaxTimeout, value: 5}", "{type: MaxArtifactBytes, value: 100}", "{type: MaxOutputBytes, value: 20}",
		"{type: EgressAllowlist, value: [\"*.example.com\"], prove: true}", "{type: MaxConcurrent, value: 4}", "{type: DenyPaths, value: [secrets/*]}")
	underPolicy(t, bound, func(t *testing.T, w *world) {
		w.put("id: one\nsteps:\n  - {id: a, topic: job.t.work, effect: write, timeout: 1m}\n")
		k := w.newWorker("w1", nil, "job.t.work")
		for _, c := range []struct{ name, evidence, output, code string }{
			{"all is well", `{"EgressAllowlist": ["api.example.com"], "MaxArtifactBytes": 100}`, `{}`, ""},
			{"no evidence", ``, `{}`, "constraint_unproven"},
			{"another host", `{"EgressAllowlist": ["example.org"]}`, `{}`, "constraint_unproven"},
			{"too large an artifact", `{"EgressAllowlist": [], "MaxArtifactBytes": 101}`, `{}`, "constraint_unproven"},
			{"too much output", `{"EgressAllowlist": []}`, `"0123456789012345678"`, "output_too_large"},
		} {
			run := w.run("one", `{}`)
			j := k.next()
			k.accept(j)
			wantConstraints(t, j)
			k.answer(j, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(c.output), Evidence: []byte(c.evidence)})
			v := w.ended(run)
			code := ""
			if e := v.Steps[0].Error; e != nil {
				code = e.Code
			}
			if code != c.code || (v.State == "succeeded") != (c.code == "") {
				t.Errorf("%s: the run is %s, the code %q, want %q", c.name, v.State, code, c.code)
			}
		}
		run := w.run("one", `{}`) // and the time
		k.accept(k.next())
		if v := w.ended(run); v.State != "timed_out" && v.State != "failed" || v.EndedAt.Sub(v.StartedAt) > 6*time.Second {
			t.Errorf("the run is %s after %s", v.State, v.EndedAt.Sub(v.StartedAt))
		}
	})
}

// signer is the key of a server in tests.
func signer() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

// wantConstraints checks what a worker is told of the constraints of its job.
func wantConstraints(t *testing.T, j *wire.JobRequest) {
	t.Helper()
	if !ed25519.Verify(signer().Public().(ed25519.PublicKey), wire.DecisionMessage(j), j.DecisionSignature) {
		t.Error("the decision is not signed")
	}
	list, err := safety.ReadConstraints(j.Constraints)
	if err != nil || len(list) != 6 || j.TimeoutMs != 5000 {
		t.Errorf("constraints %s (%v), timeout %d ms", j.Constraints, err, j.TimeoutMs)
	}
	var groups struct {
		Budgets struct{ MaxRuntimeMs, MaxArtifactBytes string }
		Sandbox struct{ NetworkAllowlist []string }
		Diff    struct{ DenyPathGlobs []string }
	}
	if err := json.Unmarshal([]byte(j.Env["CORDUM_POLICY_CONSTRAINTS"]), &groups); err != nil || groups.Budgets.MaxRuntimeMs != "5000" ||
		groups.Budgets.MaxArtifactBytes != "100" || len(groups.Sandbox.NetworkAllowlist) != 1 || len(groups.Diff.DenyPathGlobs) != 1 {
		t.Errorf("CORDUM_POLICY_CONSTRAINTS is %s", j.Env["CORDUM_POLICY_CONSTRAINTS"])
	}
	if j.Env["CORDUM_MAX_ARTIFACT_BYTES"] != "100" || j.Env["CORDUM_MAX_CONCURRENT_JOBS"] != "4" {
		t.Errorf("env is %v", j.Env)
	}
}
