package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"cordum.dev/cordum/sdk/go/api"
)

// These tests run one workflow with a worker of each SDK, see testdata/sdks.

// sdkWorkers are the workers by their ids, in the order in which the workflow asks them, each with the command that runs it.
var sdkWorkers = []struct {
	id      string
	command func() (sdkCommand, error)
}{
	{"golang", sync.OnceValues(goWorker)},
	{"python", sync.OnceValues(pythonWorker)},
	{"typescript", sync.OnceValues(typescriptWorker)},
}

// sdkCommand starts a worker.
type sdkCommand struct {
	args []string
	env  []string
}

// sdkFile is where a worker's source lies.
func sdkFile(name string) string { return filepath.Join(root, "testdata", "sdks", name) }

func goWorker() (sdkCommand, error) {
	path := filepath.Join(buildDir, "sdkworker")
	cmd := exec.Command("go", "build", "-o", path, sdkFile("worker.go"))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return sdkCommand{args: []string{path}}, prepared(cmd)
}

func pythonWorker() (sdkCommand, error) {
	folder, err := filepath.Abs(filepath.Join(root, "sdk", "python"))
	if err != nil {
		return sdkCommand{}, err
	}
	python := filepath.Join(folder, "..", "..", ".tools", "venv-python", "bin", "python")
	if venv := os.Getenv("CORDUM_PYTHON_VENV"); venv != "" {
		python = filepath.Join(venv, "bin", "python")
	}
	env := []string{"PYTHONPATH=" + folder, "PYTHONDONTWRITEBYTECODE=1"}
	return sdkCommand{args: []string{python, sdkFile("worker.py")}, env: env}, prepared(exec.Command(filepath.Join(folder, "test"), "--install"))
}

func typescriptWorker() (sdkCommand, error) {
	install := exec.Command(filepath.Join(root, "sdk", "typescript", "test.sh"), "--install")
	return sdkCommand{args: []string{"node", sdkFile("worker.mjs")}}, prepared(install)
}

// prepared runs what a worker needs before it can start.
func prepared(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: it needs Python 3.11 or Node 20.19 with npm, and their package registries or a cache of them once\n%s", cmd, err, out)
	}
	return nil
}

// polyglot is a server with a worker of each SDK, seen through the API.
type polyglot struct {
	*process
	api     *api.Client
	printed map[string]string // files with what the workers print
}

func (g *polyglot) connect(key string) {
	g.t.Helper()
	client, err := api.New(api.Config{URL: "http://" + g.addr, Key: key})
	if err != nil {
		g.t.Fatal(err)
	}
	g.api = client
}

// startSDKs starts the workers. What each finds as its CREDENTIAL is asked for.
func (g *polyglot) startSDKs(credential func(id string) string) {
	g.t.Helper()
	g.printed = map[string]string{}
	for _, w := range sdkWorkers {
		command, err := w.command()
		if err != nil {
			g.t.Fatal(err)
		}
		path := filepath.Join(g.dir, w.id+".out")
		out, err := os.Create(path)
		if err != nil {
			g.t.Fatal(err)
		}
		cmd := exec.Command(command.args[0], command.args[1:]...)
		cmd.Env = append(append(os.Environ(), command.env...), "NATS_URL=nats://"+g.nats, "WORKER="+w.id, "CREDENTIAL="+credential(w.id))
		cmd.Stdout, cmd.Stderr = out, g.log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			g.t.Fatal(err)
		}
		g.printed[w.id] = path
		g.t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			_ = out.Close()
		})
	}
}

// chainOfSDKs asks one worker after another; what each says goes to the next.
func chainOfSDKs() string {
	var b strings.Builder
	b.WriteString("id: chain\nsteps:\n")
	text, after := "${input.text}", ""
	for _, w := range sdkWorkers {
		fmt.Fprintf(&b, "  - {id: %s, pack: sdks.%s, tool: say, input: {text: %q}%s}\n", w.id, w.id, text, after)
		text, after = "${steps."+w.id+".output.text}", ", depends_on: ["+w.id+"]"
	}
	return b.String()
}

// holdOfSDKs gives every worker something that ends by a cancel only.
func holdOfSDKs() string {
	var b strings.Builder
	b.WriteString("id: hold\nsteps:\n")
	for _, w := range sdkWorkers {
		fmt.Fprintf(&b, "  - {id: %s, pack: sdks.%s, tool: hold, input: {text: \"\"}, timeout: 2m}\n", w.id, w.id)
	}
	return b.String()
}

// begin stores a workflow and starts a run of it.
func (g *polyglot) begin(definition string) string {
	g.t.Helper()
	ctx := g.t.Context()
	made, err := g.api.CreateWorkflowWithBody(ctx, nil, "application/yaml", strings.NewReader(definition))
	if err != nil {
		g.t.Fatal(err)
	}
	started, err := g.api.StartRun(ctx, nil, api.RunStart{Workflow: made.ID, Input: map[string]string{"text": "hello"}})
	if err != nil {
		g.t.Fatal(err)
	}
	return started.RunID
}

// settled waits for a run's end.
func (g *polyglot) settled(run string) (view api.RunView) {
	g.t.Helper()
	g.until("run "+run+" has ended", func() bool {
		var err error
		view, err = g.api.GetRun(g.t.Context(), run, &api.GetRunParams{Wait: new("1s")})
		return err == nil && view.EndedAt != nil
	})
	return view
}

// TestAllSDKs: one workflow, each step by a worker of another SDK, without credentials and with everything enforced. What went
// in, what came out, progress, logs and a cancel are seen through the API.
func TestAllSDKs(t *testing.T) {
	t.Run("open", func(t *testing.T) {
		g := &polyglot{process: newProcess(t)}
		g.start()
		g.connect("")
		g.startSDKs(func(string) string { return "" })
		g.play()
	})
	t.Run("enforced", func(t *testing.T) {
		g := &polyglot{process: newProcess(t)}
		g.mode = []string{}
		policy := writeFile(t, "policy.yaml", "default: ALLOW\n")
		g.start("CORDUM_API_KEY="+rootKey, "SAFETY_POLICY_PATH="+policy, "WORKER_ATTESTATION=enforce", "SCHEMA_ENFORCEMENT=enforce", "WORKER_READINESS_REQUIRED=true")
		g.connect(rootKey)
		g.register()
		g.startSDKs(g.credential)
		g.play()
		_, err := g.api.SubmitJob(t.Context(), nil, api.JobSubmit{Pack: new("sdks.python"), Tool: new("say"), Input: map[string]int{"text": 1}})
		if api.Code(err) != "invalid_input" {
			t.Errorf("an input that does not fit the topic's schema: %v", err)
		}
	})
}

// register says what topics there are, and what goes in and out of them.
func (g *polyglot) register() {
	g.t.Helper()
	ctx := g.t.Context()
	schema := map[string]any{
		"type": "object", "required": []string{"text"}, "additionalProperties": false,
		"properties": map[string]any{"text": map[string]string{"type": "string"}},
	}
	if _, err := g.api.CreateSchema(ctx, nil, api.SchemaCreate{ID: "text", Schema: schema}); err != nil {
		g.t.Fatal(err)
	}
	for _, w := range sdkWorkers {
		for _, tool := range []string{"say", "hold"} {
			topic := api.TopicCreate{Name: "job.sdks." + w.id + "." + tool, InputSchema: new("text"), OutputSchema: new("text")}
			if _, err := g.api.CreateTopic(ctx, nil, topic); err != nil {
				g.t.Fatal(err)
			}
		}
	}
}

// credential makes a worker a credential of its own.
func (g *polyglot) credential(id string) string {
	g.t.Helper()
	made, err := g.api.CreateWorkerCredential(g.t.Context(), nil, api.CredentialCreate{WorkerID: id, Topics: []string{"job.sdks." + id + ".*"}})
	if err != nil {
		g.t.Fatal(err)
	}
	return made.Token
}

// play runs both workflows and looks at what the API says of them.
func (g *polyglot) play() {
	g.t.Helper()
	run := g.begin(chainOfSDKs())
	view := g.settled(run)
	if view.State != "succeeded" {
		g.t.Fatalf("the run ended %s: %+v", view.State, view.Error)
	}
	text := "hello"
	for _, w := range sdkWorkers {
		said := text
		text += " " + w.id
		g.checkStep(view, w.id, text)
		g.checkLog(run, w.id, w.id+" says "+said)
	}
	g.checkProgress(run)
	g.cancelAll()
}

// checkStep looks at what a step gave, and who did it.
func (g *polyglot) checkStep(view api.RunView, id, text string) {
	g.t.Helper()
	for _, s := range view.Steps {
		if s.ID != id {
			continue
		}
		if got := fmt.Sprint(s.Output); got != fmt.Sprint(map[string]any{"text": text}) {
			g.t.Errorf("step %s gave %s", id, got)
		}
		if job, err := g.api.GetJob(g.t.Context(), *s.JobID); err != nil || job.Worker == nil || *job.Worker != id || job.Attempt != 1 {
			g.t.Errorf("job of step %s: %+v, %v", id, job, err)
		}
		return
	}
	g.t.Errorf("no step %s", id)
}

// checkLog looks for the line that a worker wrote.
func (g *polyglot) checkLog(run, step, text string) {
	g.t.Helper()
	lines, err := g.api.GetRunLogs(g.t.Context(), run, &api.GetRunLogsParams{Step: &step})
	if err != nil {
		g.t.Fatal(err)
	}
	if len(lines.Items) != 1 || lines.Items[0].Text != text || lines.Items[0].Stream == nil || *lines.Items[0].Stream != "info" {
		g.t.Errorf("log of step %s: %+v, want %q", step, lines.Items, text)
	}
}

// checkProgress looks for each worker's report in the timeline.
func (g *polyglot) checkProgress(run string) {
	g.t.Helper()
	timeline, err := g.api.GetTimeline(g.t.Context(), run, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	reported := map[string]bool{}
	for _, e := range timeline.Items {
		if e.Type == "job_progress" && e.Step != nil && fmt.Sprintf("%v %v", e.Data["percent"], e.Data["message"]) == "50 half" {
			reported[*e.Step] = true
		}
	}
	for _, w := range sdkWorkers {
		if !reported[w.id] {
			g.t.Errorf("no progress of %s is on the timeline", w.id)
		}
	}
}

// cancelAll cancels a run on which all workers work, and sees each of them stop.
func (g *polyglot) cancelAll() {
	g.t.Helper()
	ctx := g.t.Context()
	run := g.begin(holdOfSDKs())
	g.until("all workers work", func() bool { return g.working(ctx, run) == len(sdkWorkers) })
	if _, err := g.api.CancelRun(ctx, run, nil, api.Cancel{Reason: new("enough")}); err != nil {
		g.t.Fatal(err)
	}
	if view := g.settled(run); view.State != "cancelled" {
		g.t.Errorf("the run ended %s: %+v", view.State, view.Error)
	}
	for _, w := range sdkWorkers {
		g.until(w.id+" was told why", func() bool {
			out, err := os.ReadFile(g.printed[w.id])
			return err == nil && bytes.Contains(out, []byte("cancelled: "))
		})
	}
}

// working counts the steps whose workers said that they have begun.
func (g *polyglot) working(ctx context.Context, run string) int {
	view, err := g.api.GetRun(ctx, run, nil)
	if err != nil {
		return 0
	}
	n := 0
	for _, s := range view.Steps {
		if s.Progress != nil && s.Progress.Message != nil && *s.Progress.Message == "begun" {
			n++
		}
	}
	return n
}
