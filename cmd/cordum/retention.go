package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
)

func newRetention(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "retention",
		Short: "See what of what has ended is not kept",
		Long: "A server removes runs that have ended by their age and their number, if it is told to: the settings --run-retention,\n" +
			"--run-retention-count, --job-retention and --job-retention-count of cordum serve.",
		Example: "  cordum retention plan\n  cordum retention plan --run-retention 90d",
	})
	cmd.AddCommand(newRetentionPlan(a))
	return cmd
}

func newRetentionPlan(a *app) *cobra.Command {
	flags := []struct{ flag, query, doc, value string }{
		{flag: "run-retention", query: "run_age", doc: "go by this age of runs of workflows, such as 90d or 36h; 0 keeps them for ever"},
		{flag: "run-retention-count", query: "run_count", doc: "go by this number of runs of workflows; 0 keeps all"},
		{flag: "job-retention", query: "job_age", doc: "the same as --run-retention for single jobs"},
		{flag: "job-retention-count", query: "job_count", doc: "the same as --run-retention-count for single jobs"},
	}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what would be removed, and why",
		Long: "Says which runs of your tenant the next look would remove, and which are too old or too many and stay all the same: a legal\n" +
			"hold is over them, a job of theirs is a dead letter, the run that started them is still there, or something of them has not\n" +
			"ended. It goes by the server's settings, or by those given here. Nothing is removed.",
		Example: "  cordum retention plan\n  cordum retention plan --run-retention 90d --job-retention 7d",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			for i := range flags {
				f := &flags[i]
				if f.value == "" {
					continue
				}
				if strings.HasSuffix(f.query, "_age") {
					age, err := ageOf(f.value)
					if err != nil {
						return usagef("--%s: %v", f.flag, err)
					}
					f.value = age.String()
				} else if n, err := strconv.Atoi(f.value); err != nil || n < 0 || n > runner.MaxRetentionPlanned {
					return usagef("--%s: %q is no number of 0 to %d", f.flag, f.value, runner.MaxRetentionPlanned)
				}
				query.Set(f.query, f.value)
			}
			return read(cmd.Context(), a, "retention/plan", query, retentionView)
		},
	}
	for i := range flags {
		cmd.Flags().StringVar(&flags[i].value, flags[i].flag, "", flags[i].doc)
	}
	return cmd
}

// retentionView is how a plan looks.
var retentionView = view[runner.RetentionPlan]{
	name: func(p runner.RetentionPlan) string { return p.At.Format(time.RFC3339) },
	detail: func(p *printer, plan runner.RetentionPlan) {
		for _, rule := range plan.Rules {
			_ = p.line(fmt.Sprintf("%s: %s", rule.Kind, ruleText(rule)))
		}
		var rows [][]cell
		add := func(fate string, parts []runner.RetentionPart) {
			for _, part := range parts {
				runs := strconv.Itoa(part.Runs)
				if plan.More {
					runs += "+"
				}
				rows = append(rows, []cell{
					text(fate), text(part.Kind), text(part.Why), text(runs), text(part.Oldest.Format(time.RFC3339)),
					text(part.Newest.Format(time.RFC3339)), text(strings.Join(part.Examples[:min(1, len(part.Examples))], "")),
				})
			}
		}
		add("goes", plan.Goes)
		add("stays", plan.Stays)
		if len(rows) == 0 {
			_ = p.line("nothing would be removed")
			return
		}
		_ = p.table([]string{"FATE", "KIND", "WHY", "RUNS", "FIRST ENDED", "LAST ENDED", "EXAMPLE"}, rows)
	},
}

// ruleText says what is kept.
func ruleText(r runner.RetentionRule) string {
	switch {
	case r.Age == "" && r.Count == 0:
		return "everything is kept"
	case r.Age == "":
		return "the last " + strconv.Itoa(r.Count) + " are kept"
	case r.Count == 0:
		return "kept for " + r.Age
	}
	return "the last " + strconv.Itoa(r.Count) + " are kept, for " + r.Age
}
