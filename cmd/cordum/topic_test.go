package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	sdk "cordum.dev/cordum/sdk/go"
)

// TestTopicCommands registers, shows and forgets schemas and topics by commands; they outlive a restart.
func TestTopicCommands(t *testing.T) {
	dir := t.TempDir()
	s := serveDev(t, dir)
	file := writeFile(t, "order.yaml", "type: object\nrequired: [id]\n")
	s.want(exitOK, "schema", "put", "order", file, "--description", "an order")
	s.want(exitError, "topic", "create", "job.ship", "--input-schema", "none")
	s.want(exitOK, "topic", "create", "job.ship", "--input-schema", "order", "--max-input-bytes", "100")
	s.want(exitError, "topic", "create", "job.ship")
	s.want(exitOK, "topic", "create", "job.ship", "--input-schema", "order", "--description", "ships", "--replace")
	s.want(exitError, "schema", "delete", "order")
	s.want(exitUsage, "schema", "put", "order")
	s.end()

	s = serveDev(t, dir)
	if listed := s.want(exitOK, "topic", "list").out; !strings.Contains(listed, "job.ship") || !strings.Contains(listed, "order") {
		t.Errorf("listed:\n%s", listed)
	}
	var topic runner.TopicView
	if err := json.Unmarshal([]byte(s.want(exitOK, "topic", "show", "job.ship", "-o", "json").out), &topic); err != nil || topic.Description != "ships" || topic.MaxInputBytes != 0 {
		t.Errorf("%+v, %v", topic, err)
	}
	if shown := s.want(exitOK, "schema", "get", "order").out; !strings.Contains(shown, "job.ship") || !strings.Contains(shown, `"required"`) {
		t.Errorf("shown:\n%s", shown)
	}
	s.want(exitOK, "topic", "delete", "job.ship")
	s.want(exitOK, "schema", "delete", "order")
	s.want(exitError, "schema", "get", "order")
	if listed := s.want(exitOK, "schema", "list", "-o", "json").out; strings.Contains(listed, "order") {
		t.Errorf("listed:\n%s", listed)
	}
}

// TestWorkersWithTheirOwnCredentials: a server that nobody shares a worker credential with. A worker with its own takes jobs of
// registered topics, and is out when it is revoked.
func TestWorkersWithTheirOwnCredentials(t *testing.T) {
	o := &office{process: newProcess(t), keys: map[string]string{"root": rootKey}}
	o.mode = []string{}
	policy := filepath.Join(o.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte("default: ALLOW\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.start("CORDUM_API_KEY="+rootKey, "SAFETY_POLICY_PATH="+policy, "WORKER_ATTESTATION=enforce", "SCHEMA_ENFORCEMENT=enforce", "WORKER_READINESS_REQUIRED=true")
	o.wantCLI("root", "schema", "put", "order", writeFile(t, "order.yaml", "type: object\nrequired: [id]\n"))
	o.wantCLI("root", "topic", "create", "job.ship", "--input-schema", "order")
	var made gateway.CredentialMade
	if err := json.Unmarshal([]byte(o.wantCLI("root", "worker", "credential", "create", "shipper", "--topic", "job.ship", "-o", "json")), &made); err != nil {
		t.Fatal(err)
	}
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: "nats://" + o.nats, Credential: made.Token, ID: "shipper"})
	if err != nil {
		t.Fatal(err)
	}
	sdk.RegisterTopic(w, "job.ship", func(_ context.Context, _ sdk.Job, in map[string]any) (map[string]any, error) { return in, nil })
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-done })

	bad := o.wantRest("root", "POST", "/jobs", `{"topic":"job.ship","input":{}}`, 422, "invalid_input")
	if list, _ := bad["errors"].([]any); len(list) != 1 || list[0].(map[string]any)["location"] != "/input" {
		t.Errorf("errors %v", bad["errors"])
	}
	o.wantRest("root", "POST", "/jobs", `{"topic":"job.other","input":{}}`, 422, "unknown_topic")
	job := o.wantRest("root", "POST", "/jobs", `{"topic":"job.ship","input":{"id":"a"}}`, 202, "")
	o.until("the job is done", func() bool {
		_, v := o.rest("root", "GET", "/jobs/"+job["id"].(string), "")
		return v["state"] == "succeeded"
	})
	// The server's own worker is itself, with no credential.
	o.wantCLI("root", "workflow", "run", "--wait", "--file", writeFile(t, "tell.yaml", "id: tell\nsteps:\n  - {id: say, type: notify, channel: log, message: hello}\n"))
	if listed := o.wantCLI("root", "worker", "credential", "list"); !strings.Contains(listed, "shipper") || strings.Contains(listed, made.Token) {
		t.Errorf("listed:\n%s", listed)
	}
	o.wantCLI("root", "worker", "credential", "revoke", "shipper", "--reason", "a test")
	o.until("the worker is gone", func() bool { // at once: whose lease runs out is shown as lost for some time
		_, v := o.rest("root", "GET", "/workers", "")
		items, _ := v["items"].([]any)
		for _, item := range items {
			if at := item.(map[string]any); at["id"] == "shipper" {
				if at["state"] != "alive" {
					t.Fatalf("the worker is %s", at["state"])
				}
				return false
			}
		}
		return v["items"] != nil
	})
}
