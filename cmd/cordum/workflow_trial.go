package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/plan/trial"
)

func newWorkflowTest(a *app) *cobra.Command {
	var filter string
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run workflow test files, without a server",
		Long: "Runs test files: each case is a workflow, what its workers answer, what people decide, and what must come of it. The clock\n" +
			"is virtual, the engine is a server's. Cases that fail are printed with what was expected, what came instead, and what\n" +
			"happened. Exits with 4 when a case fails, and with 3 when a file or a case is invalid.",
		Example: "  cordum workflow test order.test.yaml\n  cordum workflow test tests/*.yaml --filter refund -o json",
		Args:    wantSome("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			files := make([]trial.File, len(args))
			for i, name := range args {
				source, err := a.readFile(name)
				if err != nil {
					return err
				}
				files[i] = trial.File{Path: name, Text: source}
			}
			report := a.try(files, filter)
			if len(report.Cases) == 0 {
				return usagef("no case was found that has %q in its id", filter)
			}
			if err := a.showReport(report); err != nil {
				return err
			}
			return reportVerdict(report)
		},
	}
	cmd.Flags().StringVar(&filter, "filter", "", "only cases with this in their id")
	return cmd
}

// try runs the cases of files; with a filter only those with it in their id. What a file is wrong about counts either way.
func (a *app) try(files []trial.File, filter string) *trial.Report {
	if filter == "" {
		return trial.Run(files, a.readFile)
	}
	report := &trial.Report{Cases: []trial.Result{}}
	for _, file := range files {
		cases, problems := trial.Parse(file, a.readFile)
		for _, p := range problems {
			if p.Case == "" || strings.Contains(p.Case, filter) {
				report.Invalid++
				report.Cases = append(report.Cases, trial.Result{ID: orElse(p.Case, p.File), Why: "invalid:\n" + p.String()})
			}
		}
		for _, c := range cases {
			if !strings.Contains(c.ID, filter) {
				continue
			}
			result, valid := c.Run()
			switch {
			case !valid:
				report.Invalid++
			case result.OK:
				report.Passed++
			default:
				report.Failed++
			}
			report.Cases = append(report.Cases, result)
		}
	}
	return report
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (a *app) showReport(report *trial.Report) error {
	p := a.printer()
	switch a.flags.output {
	case "table":
		for _, c := range report.Cases {
			if !c.OK {
				_ = p.line(p.paint("FAIL", bad) + " " + oneLine(c.ID)) // kept in p.err
				for line := range strings.SplitSeq(c.Why, "\n") {
					_ = p.line("  " + oneLine(line)) // as above
				}
			}
		}
		_ = p.line(reportLine(report)) // as above
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

func reportLine(r *trial.Report) string {
	return fmt.Sprintf("%d passed, %d failed, %d invalid", r.Passed, r.Failed, r.Invalid)
}

// reportVerdict is the exit code: what cannot be run is worse than what failed, as nothing is known of it.
func reportVerdict(r *trial.Report) error {
	switch {
	case r.Invalid > 0:
		return &coded{exitDefinition, fmt.Errorf("%s: what is invalid was not run", counted(r.Invalid, "file or case is invalid", "files or cases are invalid"))}
	case r.Failed > 0:
		return &coded{exitTests, fmt.Errorf("%s", counted(r.Failed, "case failed", "cases failed"))}
	}
	return nil
}
