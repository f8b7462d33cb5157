package main

import (
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
)

func newRunExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain RUN [STEP]",
		Short: "Say why a run, or a step of it, stands where it does",
		Long: "Says in words why a run or a step waits, was skipped, was tried again, is held or was not sent, each sentence with the\n" +
			"number of the fact that it follows from, and what a person can do. STEP is a path: ship, 'each[2]', 'poll[0]/ask',\n" +
			"undo:charge.",
		Example: "  cordum run explain 07…\n  cordum run explain 07… undo:charge",
		Args:    wantArgs("RUN", "[STEP]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := pathTo("runs", args[0], "explain")
			if len(args) == 2 {
				path = pathTo("runs", args[0], "steps", stepInPath(args[1]), "explain")
			}
			return read(cmd.Context(), a, path, nil, explanationView)
		},
	}
}

// explanationView prints an explanation as sentences.
var explanationView = view[plan.Explanation]{
	name: func(e plan.Explanation) string { return e.State },
	detail: func(p *printer, e plan.Explanation) {
		_ = p.line(oneLine(orElse(e.Step, "run "+e.Run)) + " is " + p.paint(e.State, toneOf(e.State))) // kept in p.err
		for _, why := range e.Why {
			line := "  " + oneLine(why.Text)
			if why.Seq > 0 {
				line += p.paint("  #"+strconv.FormatUint(why.Seq, 10), soft)
			}
			_ = p.line(line) // as above
		}
		for _, advice := range e.Advice {
			_ = p.line("→ " + oneLine(advice)) // as above
		}
	},
}

// iterationView is how an iteration of a fan-out looks in a list.
var iterationView = view[runner.StepView]{
	name:   func(s runner.StepView) string { return stepName(&s) },
	header: []string{"ITERATION", "STATE", "ATTEMPT", "WORKER", "OUTPUT", ""},
	row: func(_ *printer, s runner.StepView) []cell {
		return []cell{
			text(stepName(&s)), state(s.State), text(strconv.Itoa(s.Attempt)), text(s.Worker), text(outputText(s.Output)),
			text(clipText(stepSays(&s), 80)),
		}
	},
}

func newRunIterations(a *app) *cobra.Command {
	var cursor string
	var limit int
	cmd := &cobra.Command{
		Use:     "iterations RUN STEP",
		Short:   "List the iterations of a fan-out",
		Long:    "Lists the iterations of a step with for_each, in the order of its items. A run's own view only counts those of large ones.",
		Example: "  cordum run iterations 07… each --limit 1000",
		Args:    wantArgs("RUN", "STEP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"limit": {strconv.Itoa(limit)}}
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			return list(cmd.Context(), a, pathTo("runs", args[0], "steps", stepInPath(args[1]), "iterations"), query, iterationView)
		},
	}
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on with the page that the last call named")
	cmd.Flags().IntVar(&limit, "limit", 50, "rows of a page, 1 to 1000")
	return cmd
}
