package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

func newWorkflowLint(a *app) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Check definitions, without a server",
		Long: "Checks definitions with the same rules as a server, all of them at once, and prints file:line:col, severity, code, what\n" +
			"is wrong, and the line. Errors refuse a definition; warnings do not, unless --strict is given. Sub-workflows are followed\n" +
			"through the files given. -o sarif is what code hosts read. Needs no server. Exits with 3 when one is refused.",
		Example:     "  cordum workflow lint workflow.yaml\n  cordum workflow lint workflows/*.yaml --strict -o sarif\n  cat w.json | cordum workflow lint -",
		Annotations: moreOutputs("text", "sarif"),
		Args:        wantSome("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := a.definitions(args)
			if err != nil {
				return err
			}
			var all []plan.Finding
			others := library(files)
			for _, d := range files {
				all = append(all, plan.Lint(d.source, d.format(), plan.Options{File: d.name, OneShot: true, Lookup: others})...)
			}
			if err := a.showFindings(all); err != nil {
				return err
			}
			return a.verdict(all, len(files), strict)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "a warning is as bad as an error")
	return cmd
}

// definitions reads definition files.
func (a *app) definitions(names []string) ([]definitionFile, error) {
	out := make([]definitionFile, len(names))
	for i, name := range names {
		var err error
		if out[i], err = a.definition(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// library finds a workflow among files by its id; nil when none has it, or it is refused.
func library(files []definitionFile) func(id string) *steps.Workflow {
	byID := map[string]*steps.Workflow{}
	for _, d := range files {
		if w, _ := d.compile(); w != nil && w.Def.ID != "" {
			byID[w.Def.ID] = w
		}
	}
	return func(id string) *steps.Workflow { return byID[id] }
}

func (d definitionFile) format() yamlx.Format {
	if d.json {
		return yamlx.JSON
	}
	return yamlx.YAML
}

// compile answers the workflow, or nil and why not.
func (d definitionFile) compile() (*steps.Workflow, []dag.Diagnostic) {
	return steps.Load(d.source, d.format(), true)
}

func (d definitionFile) findings(diagnostics []dag.Diagnostic) []plan.Finding {
	return plan.Findings(d.source, diagnostics, d.name)
}

// refused are the findings of a server, shown as those of this process.
func (d definitionFile) refused(items []gateway.ProblemItem) []plan.Finding {
	list := make([]dag.Diagnostic, len(items))
	for i, item := range items {
		list[i] = dag.Diagnostic{
			Rule: item.Rule, Message: item.Message, Hint: item.Hint, Pointer: item.Location, Line: item.Line, Col: item.Column,
		}
		if item.Severity == dag.Warning.String() {
			list[i].Severity = dag.Warning
		}
	}
	return d.findings(list)
}

func (a *app) showFindings(all []plan.Finding) error {
	p := a.printer()
	switch a.flags.output {
	case "table", "text":
		p.write(plan.Text(all))
	case "sarif":
		log, err := plan.SARIF(all, versionName())
		if err != nil {
			return err
		}
		p.write(string(log))
	case "name":
		for _, f := range all {
			_ = p.line(f.Rule) // kept in p.err
		}
	case "jsonl":
		for _, f := range all {
			if err := a.encode(p, f); err != nil {
				return err
			}
		}
	default:
		if all == nil {
			all = []plan.Finding{}
		}
		return a.encode(p, struct {
			Diagnostics []plan.Finding `json:"diagnostics"`
		}{all})
	}
	return p.err
}

// verdict ends a lint with a line for people and the exit code.
func (a *app) verdict(all []plan.Finding, files int, strict bool) error {
	errors, warnings := plan.Count(all)
	said := fmt.Sprintf("%s, %s", counted(errors, "error", "errors"), counted(warnings, "warning", "warnings"))
	switch {
	case plan.Refused(all, strict):
		return &coded{exitDefinition, fmt.Errorf("%s", said)}
	case warnings > 0:
		fmt.Fprintf(a.errOut, "%s valid (%s)\n", counted(files, "file is", "files are"), said)
	default:
		fmt.Fprintf(a.errOut, "%s valid\n", counted(files, "file is", "files are"))
	}
	return nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
