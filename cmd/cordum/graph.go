package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/steps"
)

var graphFormats = []string{"ascii", "mermaid", "dot"}

func newWorkflowGraph(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "graph FILE|WORKFLOW",
		Short: "Draw what depends on what",
		Long: "Draws the graph of a definition: of a file, which needs no server, or of a stored workflow. For a terminal by default,\n" +
			"or as Mermaid or Graphviz text.",
		Example:     "  cordum workflow graph workflow.yaml\n  cordum workflow graph db-migration -o mermaid\n  cordum workflow graph workflow.json -o dot | dot -Tsvg > graph.svg",
		Annotations: moreOutputs(graphFormats...),
		Args:        wantArgs("FILE|WORKFLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(graphFormats, a.flags.output) {
				format = a.flags.output
			}
			workflow, err := a.loadWorkflow(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			p := a.printer()
			switch format {
			case "ascii":
				p.write(workflow.Graph.Text(workflow.Def))
			case "mermaid":
				p.write(workflow.Graph.Mermaid(workflow.Def))
			case "dot":
				p.write(workflow.Graph.Dot(workflow.Def))
			default:
				return usagef("--format %q is not one of %s", format, strings.Join(graphFormats, ", "))
			}
			return p.err
		},
	}
	cmd.Flags().StringVarP(&format, "format", "f", "ascii", "the same as -o: "+strings.Join(graphFormats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(graphFormats, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return cmd
}

// loadWorkflow reads a definition from a file, or a stored one from the server when there is no such file and the name
// could be an id, or one with a version: ID@DIGEST.
func (a *app) loadWorkflow(ctx context.Context, name string) (*steps.Workflow, error) {
	_, err := os.Stat(name)
	switch {
	case err == nil || name == "-":
		d, err := a.definition(name)
		if err != nil {
			return nil, err
		}
		return a.compiled(d)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	id, digest, pinned := strings.Cut(name, "@")
	if !dag.ValidWorkflowID(id) {
		return nil, fmt.Errorf("there is no file %s", name)
	}
	query := url.Values{}
	if pinned {
		query.Set("digest", digest)
	}
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	var stored runner.WorkflowVersion
	if err := c.get(ctx, pathTo("workflows", id), query, &stored); err != nil {
		return nil, fmt.Errorf("there is no file %s, and as a stored workflow: %w", name, err)
	}
	return a.compiled(definitionFile{name: name, source: stored.Source, json: true})
}

// compiled is a definition that has a graph; what is wrong with another one is printed.
func (a *app) compiled(d definitionFile) (*steps.Workflow, error) {
	workflow, diagnostics := d.compile()
	if workflow != nil {
		return workflow, nil
	}
	fmt.Fprint(a.errOut, plan.Text(d.findings(diagnostics)))
	return nil, &coded{exitDefinition, fmt.Errorf("%s is not a valid workflow", d.name)}
}
