package main

import (
	"github.com/spf13/cobra"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps"
)

func newWorkflowDiff(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "Compare two definitions by their meaning",
		Long: "Compares two definitions: steps, dependencies, effects, and how much can be undone. Spelling, order and comments do not\n" +
			"count. Each is a file, which needs no server, a stored workflow, or a version of one: WORKFLOW@DIGEST.",
		Example: "  cordum workflow diff old.yaml new.yaml\n  cordum workflow diff db-migration workflow.yaml -o json",
		Args:    wantArgs("BEFORE", "AFTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			before, err := a.loadWorkflow(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			after, err := a.loadWorkflow(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			return showOne(a, differenceView, doc[dag.Difference]{V: *dag.Diff(before.Def, after.Def)})
		},
	}
}

// differenceView prints a difference as text; -o name the steps that differ.
var differenceView = view[dag.Difference]{
	name: func(d dag.Difference) string {
		out := ""
		add := func(id string) {
			if out != "" {
				out += "\n"
			}
			out += id
		}
		for _, s := range d.Added {
			add(s.ID)
		}
		for _, s := range d.Removed {
			add(s.ID)
		}
		for _, s := range d.Changed {
			add(s.ID)
		}
		return out
	},
	detail: func(p *printer, d dag.Difference) { p.write(d.Text()) },
}

func newWorkflowSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the language",
		Long: "Prints the JSON Schema (2020-12) of workflow definitions, with a text for every field: editors check and complete by it.\n" +
			"A server has it at /api/v1/workflows/schema.",
		Example: "  cordum workflow schema > workflow.schema.json",
		Args:    wantArgs(),
		RunE: func(*cobra.Command, []string) error {
			p := a.printer()
			p.write(string(steps.LanguageSchema()))
			return p.err
		},
	}
}
