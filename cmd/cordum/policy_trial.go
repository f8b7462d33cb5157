package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/cases"
)

func newPolicyTest(a *app) *cobra.Command {
	var filter string
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run policy test files, without a server",
		Long: "Runs test files: each case is a policy file or bundles, a request, and what must be decided. A case that fails is printed\n" +
			"with what was expected and an explanation of what was decided instead. For every policy file that cases name it says\n" +
			"which rules no case hit. Exits with 4 when a case fails, and with 3 when a file or a case is invalid.",
		Example:     "  cordum policy test policy.test.yaml\n  cordum policy test tests/*.yaml --filter production -o json",
		Annotations: moreOutputs("text"),
		Args:        wantSome("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := a.policyTests(args)
			if err != nil {
				return err
			}
			report := cases.Run(files, a.readFile, filter)
			if len(report.Cases) == 0 {
				return usagef("no case was found that has %q in its id", filter)
			}
			if err := a.showPolicyReport(report); err != nil {
				return err
			}
			return reportVerdict(&trial.Report{Passed: report.Passed, Failed: report.Failed, Invalid: report.Invalid})
		},
	}
	cmd.Flags().StringVar(&filter, "filter", "", "only cases with this in their id")
	return cmd
}

func (a *app) policyTests(names []string) ([]cases.File, error) {
	files := make([]cases.File, len(names))
	for i, name := range names {
		text, err := a.readFile(name)
		if err != nil {
			return nil, err
		}
		files[i] = cases.File{Path: name, Text: text}
	}
	return files, nil
}

func (a *app) showPolicyReport(report *cases.Report) error {
	p := a.printer()
	switch a.flags.output {
	case "table", "text":
		for _, c := range report.Cases {
			if !c.OK {
				_ = p.line(p.paint("FAIL", bad) + " " + oneLine(c.ID)) // kept in p.err
				for line := range strings.SplitSeq(c.Why, "\n") {
					_ = p.line("  " + oneLine(line)) // as above
				}
			}
		}
		_ = p.line(fmt.Sprintf("%d passed, %d failed, %d invalid", report.Passed, report.Failed, report.Invalid)) // as above
		for _, c := range report.Coverage {
			_ = p.line(oneLine(c.Policy) + ": " + coverageLine(&c.CoverageReport)) // as above
		}
	case "name":
		for _, c := range report.Cases {
			_ = p.line(oneLine(c.ID)) // as above
		}
	case "jsonl":
		for _, c := range report.Cases {
			if err := a.encode(p, c); err != nil {
				return err
			}
		}
	default:
		return a.encode(p, report)
	}
	return p.err
}

// coverageLine says in a line what was hit and what was not.
func coverageLine(r *safety.CoverageReport) string {
	line := fmt.Sprintf("%d of %s hit (%.0f %%) by %s", r.Hit, counted(r.Rules, "rule", "rules"), r.Percent(), counted(r.Requests, "request", "requests"))
	if len(r.Never) > 0 {
		line += "; never: " + oneLine(strings.Join(r.Never, ", "))
	}
	return line
}
