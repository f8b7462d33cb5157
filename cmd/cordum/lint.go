package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// finding is one line of a lint: a diagnostic with its file.
type finding struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Location string `json:"location,omitempty"` // JSON pointer
}

func (f finding) line() string {
	return diagnosticLine(f.File, gateway.ProblemItem{
		Message: f.Message, Rule: f.Rule, Severity: f.Severity, Line: f.Line, Column: f.Column, Hint: f.Hint,
	})
}

// diagnosticLine is the form that editors and build tools jump to: file:line:col severity rule message.
func diagnosticLine(file string, item gateway.ProblemItem) string {
	place := file
	if item.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", file, item.Line, item.Column)
	}
	severity := item.Severity
	if severity == "" {
		severity = "error"
	}
	line := strings.Join([]string{place, severity, item.Rule, item.Message}, " ")
	if item.Hint != "" {
		line += fmt.Sprintf(" (did you mean %s?)", item.Hint)
	}
	return oneLine(line)
}

func newWorkflowLint(a *app) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Check definitions, without a server",
		Long: "Checks definitions with the same rules as a server, all of them at once, and prints file:line:col, severity, rule and\n" +
			"what is wrong. Needs no server. Exits with 3 when one is invalid.",
		Example: "  cordum workflow lint workflow.yaml\n  cordum workflow lint workflows/*.yaml -o json\n  cat w.json | cordum workflow lint -",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("FILE is missing: %s", cmd.UseLine())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var all []finding
			for _, name := range args {
				d, err := a.definition(name)
				if err != nil {
					return err
				}
				all = append(all, d.lint()...)
			}
			if err := a.showFindings(all); err != nil {
				return err
			}
			return a.verdict(all, len(args), strict)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "a warning is as bad as an error")
	return cmd
}

// lint checks a definition with the packages that a server uses.
func (d definitionFile) lint() []finding {
	_, diagnostics := d.compile()
	return d.findings(diagnostics)
}

func (d definitionFile) findings(diagnostics []dag.Diagnostic) []finding {
	out := make([]finding, len(diagnostics))
	for i, x := range diagnostics {
		out[i] = finding{
			File: d.name, Line: x.Line, Column: x.Col, Severity: x.Severity.String(), Rule: x.Rule, Message: x.Message, Hint: x.Hint,
			Location: x.Pointer,
		}
	}
	return out
}

// compile answers the workflow, or nil and why not.
func (d definitionFile) compile() (*steps.Workflow, []dag.Diagnostic) {
	format := yamlx.YAML
	if d.json {
		format = yamlx.JSON
	}
	return steps.Load(d.source, format, true)
}

func (a *app) showFindings(all []finding) error {
	p := a.printer()
	switch a.flags.output {
	case "table":
		for _, f := range all {
			_ = p.line(f.line()) // kept in p.err
		}
	case "name":
		for _, f := range all {
			_ = p.line(f.Rule) // as above
		}
	case "jsonl":
		for _, f := range all {
			if err := a.encode(p, f); err != nil {
				return err
			}
		}
	default:
		if all == nil {
			all = []finding{}
		}
		return a.encode(p, struct {
			Diagnostics []finding `json:"diagnostics"`
		}{all})
	}
	return p.err
}

// verdict ends a lint with a line for people and the exit code.
func (a *app) verdict(all []finding, files int, strict bool) error {
	errors, warnings := 0, 0
	for _, f := range all {
		if f.Severity == "warning" {
			warnings++
		} else {
			errors++
		}
	}
	if errors == 0 && (warnings == 0 || !strict) {
		fmt.Fprintf(a.errOut, "%s valid\n", counted(files, "file is", "files are"))
		return nil
	}
	return &coded{exitDefinition, fmt.Errorf("%s, %s", counted(errors, "error", "errors"), counted(warnings, "warning", "warnings"))}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
