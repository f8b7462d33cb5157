package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
)

// Defaults of a crash test.
const (
	crashRunMost  = 30 * time.Second
	crashMostHits = 3
)

// crashMeanings say in people's words what has just happened where a process dies.
var crashMeanings = map[string]string{
	runner.CrashSubmitted: "a start is checked, nothing is written",
	runner.CrashStarted:   "a start is written, its caller does not know",
	crashAnswered:         "the caller of a start knows",
	runner.CrashDecided:   "the policy has decided about a job, it is not written",
	runner.CrashCommitted: "a job is written, it is not sent",
	runner.CrashHalfSent:  "a job is sent, others beside it are not",
	runner.CrashSent:      "a job is sent, nobody knows whether it came",
	runner.CrashResult:    "a result has come, it is not written",
	runner.CrashAccepted:  "a result is written, its worker does not know",
	runner.CrashTimer:     "a timer has fired, its effect is not written",
	runner.CrashUndone:    "a compensation is done, the next one is not",
	runner.CrashApproved:  "an approval's answer is written, its caller does not know",
	runner.CrashSnapshot:  "a snapshot of the run is made, it is not written",
	crashAtBegin:          "the worker dies when it has begun",
	crashAtEnd:            "the worker dies when it has done its work, before anybody knows",
}

// crashReport is what a crash test found.
type crashReport struct {
	Workflow string      `json:"workflow"`
	Clean    outcome     `json:"clean"` // without any crash
	Passed   int         `json:"passed"`
	Failed   int         `json:"failed"`
	Cells    []crashCase `json:"cells"`
}

// crashCase is one crash.
type crashCase struct {
	Point string `json:"point"`
	Hit   int    `json:"hit"` // the time at which it was passed
	What  string `json:"what"`
	outcome
	Twice  []crashTwice `json:"twice"`  // effects that were had more than once
	Undone []string     `json:"undone"` // in this order
	OK     bool         `json:"ok"`
	Why    string       `json:"why,omitempty"`
}

// crashTwice is a step whose effect was had more than once without having been undone between.
type crashTwice struct {
	Step       string `json:"step"`
	Times      int    `json:"times"`
	Idempotent bool   `json:"idempotent"`
}

// crashFlags are what the command is told.
type crashFlags struct {
	caseID string
	with   []string
	input  string
	points []string
	hits   int
	most   time.Duration
}

func newWorkflowCrashtest(a *app) *cobra.Command {
	var f crashFlags
	cmd := &cobra.Command{
		Use:   "crashtest FILE",
		Short: "Kill a server and its worker at each point of a workflow's run",
		Long: "Runs a workflow on a temporary server of its own again and again. Each time the server dies, as by kill -9, at another point of\n" +
			"the run, or the worker does; then it is started again. It says whether the run always ended, and as it does without a crash,\n" +
			"which steps were done twice, and what was undone.\n\n" +
			"FILE is a workflow, whose steps all succeed and whose approvals are given, or a test file (cordum workflow test), whose case\n" +
			"says what workers and people answer. No tool of yours is called, http and notify steps included. Time is real: a workflow\n" +
			"that waits for hours is not for this.\n\n" +
			"Exits with 4 when a run did not end, ended otherwise because the server died, or a step that is not idempotent was done twice,\n" +
			"and with 3 when a file is invalid.",
		Example: "  cordum workflow crashtest order.yaml\n  cordum workflow crashtest order.test.yaml --case 'a small order'\n" +
			"  cordum workflow crashtest trip.yaml --with payment.yaml --points CP12,worker-end --hits 10 -o json",
		Args: wantArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), a, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.caseID, "case", "", "of a test file: the case to play (default: its first)")
	flags.StringArrayVar(&f.with, "with", nil, "another workflow that this one starts; may be repeated")
	flags.StringVar(&f.input, "input", "", "the run's input, as JSON, @FILE or - (a test file says it itself)")
	flags.StringSliceVar(&f.points, "points", nil, "only these points, by the names that the report has")
	flags.IntVar(&f.hits, "hits", crashMostHits, "die at so many of the times that a point is passed: the first, the last, and some between")
	flags.DurationVar(&f.most, "run-timeout", crashRunMost, "how long one run may take")
	return cmd
}

func (f *crashFlags) run(ctx context.Context, a *app, file string) error {
	if f.hits < 1 || f.most <= 0 {
		return usagef("--hits and --run-timeout are above 0")
	}
	t, topics, err := f.load(a, file)
	if err != nil {
		return err
	}
	defer t.host.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := t.open(ctx, a, topics); err != nil {
		return err
	}
	report, err := f.playAll(ctx, a, t)
	if err != nil {
		return err
	}
	if err := a.showCrashes(report); err != nil {
		return err
	}
	if report.Failed > 0 {
		return &coded{exitTests, fmt.Errorf("%s", counted(report.Failed, "crash was not survived", "crashes were not survived"))}
	}
	return nil
}

// load reads the workflow, or the case, and what it starts.
func (f *crashFlags) load(a *app, file string) (*crashTrial, []string, error) {
	c, err := f.readCase(a, file)
	if err != nil {
		return nil, nil, err
	}
	needs, err := crashNeedsOf(c)
	if err != nil {
		return nil, nil, err
	}
	t := &crashTrial{c: c, id: needs.id, most: f.most, worker: &crashWorker{trial: c, empty: needs.outputs}}
	for _, s := range c.Signals {
		t.signals = append(t.signals, crashSignal{s.Name, s.Payload})
	}
	for _, name := range needs.signals {
		if !slices.ContainsFunc(t.signals, func(s crashSignal) bool { return s.Name == name }) {
			t.signals = append(t.signals, crashSignal{Name: name})
		}
	}
	t.host, err = newCrashHost()
	return t, needs.topics, err
}
