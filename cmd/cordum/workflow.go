package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newWorkflow(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:     "workflow",
		Aliases: []string{"wf"},
		Short:   "Check, plan, test, store, run and draw workflows",
		Long: "A workflow is a definition in YAML or JSON: steps and what they depend on. A stored definition never changes; its\n" +
			"identity is the digest of what it says. lint, plan, test, fmt, graph, diff and schema work on files, without a server.",
		Example: "  cordum workflow lint workflow.yaml\n  cordum workflow run --file workflow.yaml --wait",
	})
	cmd.AddCommand(
		newWorkflowRun(a), newWorkflowCreate(a), newWorkflowLint(a), newWorkflowPlan(a), newWorkflowTest(a), newWorkflowCrashtest(a), newWorkflowFmt(a),
		newWorkflowGraph(a), newWorkflowDiff(a), newWorkflowSchema(a), newWorkflowGet(a), newWorkflowList(a))
	return cmd
}

// workflowView is how a stored definition looks.
var workflowView = view[runner.WorkflowVersion]{
	name:   func(w runner.WorkflowVersion) string { return w.ID },
	header: []string{"WORKFLOW", "VERSION", "STEPS", "DIGEST", "STORED", "BY"},
	row: func(_ *printer, w runner.WorkflowVersion) []cell {
		return []cell{
			text(w.ID), text(w.Version), text(strconv.Itoa(w.Steps)), text(clipText(w.Digest, 13)), text(ago(w.CreatedAt, time.Now())),
			text(w.CreatedBy),
		}
	},
	detail: func(p *printer, w runner.WorkflowVersion) {
		p.fact("workflow", text(w.ID))
		p.fact("name", text(w.Name))
		p.fact("version", text(w.Version))
		p.fact("digest", text(w.Digest))
		p.fact("steps", text(strconv.Itoa(w.Steps)))
		p.fact("stored", text(ago(w.CreatedAt, time.Now())+" by "+w.CreatedBy))
	},
}

// createdView prints the bare id of what was stored, so that a script can keep it.
var createdView = view[gateway.WorkflowCreated]{
	name:   func(w gateway.WorkflowCreated) string { return w.ID },
	detail: func(p *printer, w gateway.WorkflowCreated) { _ = p.line(w.ID) }, // kept in p.err
}

// definitionFile is a definition as it lies on disk.
type definitionFile struct {
	name   string
	source []byte
	json   bool
}

func (a *app) definition(name string) (definitionFile, error) {
	source, err := a.readFile(name)
	if err != nil {
		return definitionFile{}, err
	}
	return definitionFile{name: name, source: source, json: isJSONFile(name, source)}, nil
}

// store sends a definition without starting it. What is wrong with it is printed as lint prints it.
func (d definitionFile) store(ctx context.Context, a *app, c *client) (doc[gateway.WorkflowCreated], error) {
	contentType := "application/yaml"
	if d.json {
		contentType = "application/json"
	}
	var created doc[gateway.WorkflowCreated]
	err := c.do(ctx, request{
		method: http.MethodPost, path: "workflows", query: url.Values{"run": {"false"}}, body: d.source, contentType: contentType,
	}, &created)
	var problem *gateway.Problem
	if errors.As(err, &problem) && problemExit(problem) == exitDefinition {
		fmt.Fprint(a.errOut, plan.Text(d.refused(problem.Errors)))
		return created, &coded{exitDefinition, fmt.Errorf("%s is not a valid workflow; nothing was stored", d.name)}
	}
	for _, warning := range created.V.Warnings {
		warning.File = d.name
		fmt.Fprint(a.errOut, plan.Text([]plan.Finding{warning}))
	}
	return created, err
}

func newWorkflowCreate(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "create --file FILE",
		Short:   "Store a definition",
		Long:    "Stores a definition and prints its id. The same content twice is one version.",
		Example: "  cordum workflow create --file workflow.yaml\n  cat workflow.json | cordum workflow create --file -",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("--file is missing: the definition to store")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			d, err := a.definition(file)
			if err != nil {
				return err
			}
			created, err := d.store(cmd.Context(), a, c)
			if err != nil {
				return err
			}
			return showOne(a, createdView, created)
		},
	}
	addFile(cmd, &file)
	return cmd
}

func addFile(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", "", "the definition, YAML or JSON; - for stdin")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml", "json") // the flag exists
}

func newWorkflowRun(a *app) *cobra.Command {
	var file string
	var f startFlags
	cmd := &cobra.Command{
		Use:   "run --file FILE",
		Short: "Store a definition and start a run of it",
		Long: "Stores a definition, starts a run of exactly it and prints the run's id. A definition without id and name gets an id\n" +
			"of its own. With --wait it shows the live timeline and ends with the run. Ctrl-C only stops watching.\n\n" +
			"An approval that waits is told with the command that answers it; --ask asks at the terminal, --auto-approve answers by\n" +
			"itself, --no-wait-approval exits.\n\nExit codes with --wait:\n\n" + exitHelp(),
		Example: "  cordum workflow run --file workflow.json --wait\n  cordum workflow run --file workflow.yaml --input '{\"n\": 3}' --context @prod.json --wait --ask",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("--file is missing: the definition to run")
			}
			if file == "-" && (f.input == "-" || f.context == "-") {
				return usagef("only one of --file, --input and --context can come from stdin")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			body, err := f.body(a, "", "")
			if err != nil {
				return err
			}
			d, err := a.definition(file)
			if err != nil {
				return err
			}
			created, err := d.store(cmd.Context(), a, c)
			if err != nil {
				return err
			}
			body.Workflow, body.Digest = created.V.ID, created.V.Digest
			return f.start(cmd.Context(), a, c, body)
		},
	}
	addFile(cmd, &file)
	f.add(cmd)
	return cmd
}

func newWorkflowGet(a *app) *cobra.Command {
	var digest string
	cmd := &cobra.Command{
		Use:     "get WORKFLOW",
		Aliases: []string{"show"},
		Short:   "Show a stored workflow",
		Long:    "Shows a stored workflow; -o json and -o yaml have the whole definition.",
		Example: "  cordum workflow get db-migration\n  cordum workflow get db-migration -o yaml",
		Args:    wantArgs("WORKFLOW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{}
			if digest != "" {
				query.Set("digest", digest)
			}
			return read(cmd.Context(), a, pathTo("workflows", args[0]), query, workflowView)
		},
	}
	cmd.Flags().StringVar(&digest, "digest", "", "a version; the newest by default")
	return cmd
}

func newWorkflowList(a *app) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the stored workflows",
		Long:    "Lists the stored workflows, each with its newest version.",
		Example: "  cordum workflow list\n  cordum workflow list -o name",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(cmd.Context(), a, "workflows", f.query(), workflowView)
		},
	}
	f.add(cmd, nil)
	return cmd
}
