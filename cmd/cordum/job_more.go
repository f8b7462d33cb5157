package main

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newJobDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete JOB",
		Short: "Delete a job that has ended",
		Long: "Takes a job that was submitted alone out of every list: it is not found any more. What it did stays in the audit log. One\n" +
			"that has not ended must be cancelled first. On a terminal it asks for confirmation unless --yes is given.",
		Example: "  cordum job delete 07….job~0 --yes",
		Args:    wantArgs("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if ok, err := a.confirm(cmd.Context(), fmt.Sprintf("Delete job %s?", args[0])); !ok {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var d doc[gateway.DeletedJob]
			if err := c.do(cmd.Context(), request{method: http.MethodDelete, path: pathTo("jobs", args[0])}, &d); err != nil {
				return err
			}
			return showOne(a, view[gateway.DeletedJob]{
				name:   func(d gateway.DeletedJob) string { return d.ID },
				header: []string{"DELETED"},
				row:    func(_ *printer, d gateway.DeletedJob) []cell { return []cell{text(d.ID)} },
			}, d)
		},
	}
}

// decisionView is how an answer of the policy looks.
var decisionView = view[runner.DecisionView]{
	name:   func(d runner.DecisionView) string { return d.Snapshot },
	header: []string{"ATTEMPT", "DECISION", "RULE", "REASON", "SNAPSHOT", "WHEN"},
	row: func(_ *printer, d runner.DecisionView) []cell {
		return []cell{
			text(strconv.Itoa(d.Attempt)), text(d.Decision), text(d.Rule), text(clipText(d.Reason, 80)), text(clipText(d.Snapshot, 13)),
			text(ago(d.At, time.Now())),
		}
	},
}

func newJobDecisions(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "decisions JOB",
		Short:   "List what the policy answered on a job",
		Long:    "Lists every answer of the policy on a job, oldest first: the job of a step, or one that was submitted alone.",
		Example: "  cordum job decisions 07….job~0",
		Args:    wantArgs("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return list(cmd.Context(), a, pathTo("jobs", args[0], "decisions"), nil, decisionView)
		},
	}
}
