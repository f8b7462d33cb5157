package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/cases"
)

func newPolicyCoverage(a *app) *cobra.Command {
	var sources policySources
	var requests string
	var least float64
	cmd := &cobra.Command{
		Use:   "coverage --bundle FILE (--requests FILE | TESTFILE...)",
		Short: "Say which rules of a policy are never hit",
		Long: "Evaluates a policy against a file of requests, or against the requests of test files, and says how often each rule matched\n" +
			"and which never did. With --min it exits with 4 when fewer rules were hit.",
		Example: "  cordum policy coverage --bundle policy.yaml policy.test.yaml\n  cordum policy coverage --bundle policy.json --requests test-requests.json --min 90",
		RunE: func(_ *cobra.Command, args []string) error {
			policy, err := sources.snapshot(a)
			if err != nil {
				return err
			}
			list, err := a.coverageRequests(requests, args)
			if err != nil {
				return err
			}
			counts := safety.NewCoverage(policy)
			for _, r := range list {
				counts.Add(safety.Evaluate(policy, r.request))
			}
			report := counts.Report()
			if err := showOne(a, coverageView, doc[safety.CoverageReport]{V: report}); err != nil {
				return err
			}
			if report.Percent() < least {
				return &coded{exitTests, fmt.Errorf("%.1f %% of the rules were hit, and --min is %g", report.Percent(), least)}
			}
			return nil
		},
	}
	sources.add(cmd)
	cmd.Flags().StringVarP(&requests, "requests", "r", "", "a file with a list of requests, YAML or JSON; - for stdin")
	cmd.Flags().Float64Var(&least, "min", 0, "percent of the rules that must be hit")
	return cmd
}

// coverageRequests are the requests of a file, or those of test files.
func (a *app) coverageRequests(requests string, tests []string) ([]namedRequest, error) {
	if (requests == "") == (len(tests) == 0) {
		return nil, usagef("what is to be decided is missing: give either --requests or test files")
	}
	if requests != "" {
		return a.requests(requests)
	}
	files, err := a.policyTests(tests)
	if err != nil {
		return nil, err
	}
	var out []namedRequest
	for _, file := range files {
		list, problems := cases.Parse(file, a.readFile)
		for _, p := range problems {
			return nil, &coded{exitDefinition, fmt.Errorf("%s", p)}
		}
		for _, c := range list {
			if c.Expect.Error == "" {
				out = append(out, namedRequest{c.ID, c.Request})
			}
		}
	}
	return out, nil
}

// coverageView prints how often each rule matched; -o name those that never did.
var coverageView = view[safety.CoverageReport]{
	name: func(r safety.CoverageReport) string { return strings.Join(r.Never, "\n") },
	detail: func(p *printer, r safety.CoverageReport) {
		rows := make([][]cell, 0, r.Rules)
		for _, name := range r.Never {
			rows = append(rows, []cell{text(name), {"never", bad}})
		}
		for _, h := range r.Hits {
			rows = append(rows, []cell{text(h.Rule), text(fmt.Sprint(h.Times))})
		}
		_ = p.table([]string{"RULE", "MATCHED"}, rows) // kept in p.err
		_ = p.line(coverageLine(&r))                   // as above
	},
}
