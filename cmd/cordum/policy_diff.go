package main

import (
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/safety"
)

func newPolicyDiff(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "Compare two policies by their meaning",
		Long: "Compares two policy files by their rules: which came, which went, and what changed in the others. Spelling, order and the\n" +
			"older shape of constraints do not count. Needs no server.",
		Example: "  cordum policy diff old.yaml new.yaml\n  cordum policy diff old.yaml new.yaml -o json",
		Args:    wantArgs("BEFORE", "AFTER"),
		RunE: func(_ *cobra.Command, args []string) error {
			before, err := (&policySources{bundles: args[:1]}).snapshot(a)
			if err != nil {
				return err
			}
			after, err := (&policySources{bundles: args[1:]}).snapshot(a)
			if err != nil {
				return err
			}
			return showOne(a, policyDiffView, doc[safety.Difference]{V: *safety.Diff(before, after)})
		},
	}
}

// policyDiffView prints a difference as text; -o name the rules that differ.
var policyDiffView = view[safety.Difference]{
	name: func(d safety.Difference) string {
		var names []string
		for _, r := range d.Added {
			names = append(names, r.Name)
		}
		for _, r := range d.Removed {
			names = append(names, r.Name)
		}
		for _, r := range d.Changed {
			names = append(names, r.Rule)
		}
		return strings.Join(names, "\n")
	},
	detail: func(p *printer, d safety.Difference) { writeLines(p, d.Text()) },
}
