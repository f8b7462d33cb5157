package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps"
)

// planFlags say what a plan is made for.
type planFlags struct {
	input, context string
	labels         []string
	failAt         string
	digest         string

	remote bool     // a file is planned by the server
	policy string   // of a file that is planned here
	with   []string // other definitions, for the same

	ifCancelled string
}

func newWorkflowPlan(a *app) *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan FILE|WORKFLOW | --if-cancelled RUN",
		Short: "Say what a run would do, without running anything",
		Long: "Says per step whether it is reached or under which condition, what policy decides, who will have to approve, and for\n" +
			"every step that may fail what would be undone, in which parallel groups, and what could not be. Nothing is written and\n" +
			"nothing is sent. What is not known before a run is named.\n\n" +
			"A file is planned here, without a server: with the policy of --policy, and sub-workflows of --with. A stored workflow,\n" +
			"or a file with --remote, is planned by the server, with its policy and its workers. --if-cancelled says what would be\n" +
			"undone if a run were cancelled with rollback now.",
		Example: "  cordum workflow plan workflow.yaml --input '{\"version\": \"v2\"}'\n  cordum workflow plan db-migration -o json\n" +
			"  cordum workflow plan workflow.yaml --policy policy.yaml --fail-at migrate\n  cordum workflow plan --if-cancelled 07…",
		Args: func(cmd *cobra.Command, args []string) error {
			if f.ifCancelled != "" {
				return wantArgs()(cmd, args)
			}
			return wantArgs("FILE|WORKFLOW")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.ifCancelled != "" {
				return send(cmd.Context(), a, pathTo("runs", f.ifCancelled, "rollback-plan"), nil, rollbackView)
			}
			return f.plan(cmd.Context(), a, args[0])
		},
	}
	to := cmd.Flags()
	to.StringVar(&f.input, "input", "", "the run's input: JSON, @FILE, or - for stdin; left out, the plan says what depends on it")
	to.StringVar(&f.context, "context", "", "laid over the definition's context: JSON, @FILE, or - for stdin")
	to.StringArrayVar(&f.labels, "label", nil, "NAME=VALUE; may be given several times")
	to.StringVar(&f.failAt, "fail-at", "", "only what the failure of this step would undo")
	to.StringVar(&f.digest, "digest", "", "a version of a stored workflow; the newest by default")
	to.BoolVar(&f.remote, "remote", false, "let the server plan the file")
	to.StringVar(&f.policy, "policy", "", "the policy file to ask, when no server is")
	to.StringArrayVar(&f.with, "with", nil, "the file of a workflow that a sub-workflow step names; may be given several times")
	to.StringVar(&f.ifCancelled, "if-cancelled", "", "a run: what would be undone if it were cancelled with rollback now")
	return cmd
}

// planView prints a plan as text, or as the server's JSON.
var planView = view[plan.Plan]{
	name:   func(p plan.Plan) string { return p.Digest },
	detail: func(p *printer, made plan.Plan) { p.write(made.String()) },
}

// rollbackView prints what would be undone.
var rollbackView = view[plan.Rollback]{
	name: func(r plan.Rollback) string {
		var names []string
		for _, group := range r.Groups {
			for _, u := range group {
				names = append(names, u.Step)
			}
		}
		return strings.Join(names, "\n")
	},
	detail: func(p *printer, r plan.Rollback) { p.write(r.String()) },
}

// plan makes a plan here for a file, else on the server.
func (f *planFlags) plan(ctx context.Context, a *app, name string) error {
	asked, err := f.asked(a)
	if err != nil {
		return err
	}
	_, err = os.Stat(name)
	switch isFile := err == nil || name == "-"; {
	case err != nil && !isFile && !errors.Is(err, fs.ErrNotExist):
		return err
	case isFile && !f.remote:
		return f.planHere(a, name, asked)
	case f.policy != "" || len(f.with) > 0:
		return usagef("--policy and --with are for a file that is planned here: the server has its own")
	case isFile:
		return f.planThere(ctx, a, name, asked)
	}
	query := url.Values{}
	if f.digest != "" {
		query.Set("digest", f.digest)
	}
	return f.ask(ctx, a, request{method: http.MethodPost, path: pathTo("workflows", name, "dry-run"), query: query, body: asked})
}

func (f *planFlags) asked(a *app) (gateway.DryRun, error) {
	if f.input == "-" && f.context == "-" {
		return gateway.DryRun{}, usagef("--input and --context cannot both come from stdin")
	}
	asked := gateway.DryRun{FailAt: f.failAt}
	var err error
	if asked.Input, err = a.jsonValue("input", f.input); err != nil {
		return asked, err
	}
	if asked.Context, err = a.jsonValue("context", f.context); err != nil {
		return asked, err
	}
	asked.Labels, err = labels(f.labels)
	return asked, err
}

// planHere plans a file with the packages that a server uses.
func (f *planFlags) planHere(a *app, name string, asked gateway.DryRun) error {
	d, err := a.definition(name)
	if err != nil {
		return err
	}
	w, err := a.compiled(d)
	if err != nil {
		return err
	}
	in, err := f.local(a, w, asked)
	if err != nil {
		return err
	}
	return showOne(a, planView, doc[plan.Plan]{V: *plan.Make(w, in)})
}

func (f *planFlags) local(a *app, w *steps.Workflow, asked gateway.DryRun) (plan.Input, error) {
	in := plan.Input{InputUnknown: asked.Input == nil, Labels: asked.Labels, Tenant: a.flags.tenant, FailAt: asked.FailAt}
	if _, known := w.ByID[asked.FailAt]; !known && asked.FailAt != "" {
		return in, usagef("--fail-at: there is no step %q", asked.FailAt)
	}
	if asked.Input != nil {
		value, err := yamlx.Parse(asked.Input, yamlx.JSON)
		if err != nil {
			return in, usagef("--input: %w", err)
		}
		in.Input = value.Value()
		if err := w.CheckInput(in.Input); err != nil {
			return in, usagef("--input: %w", err)
		}
	}
	if asked.Context != nil {
		value, err := yamlx.Parse(asked.Context, yamlx.JSON)
		if err != nil || value.Kind != yamlx.Map {
			return in, usagef("--context is not an object")
		}
		in.Context, _ = value.Value().(map[string]any) // it is one
	}
	if f.policy != "" {
		var err error
		if in.Policy, err = readPolicy(f.policy, func(problem string) { fmt.Fprintln(a.errOut, "warning: "+problem) }); err != nil {
			return in, err
		}
	}
	others, err := a.definitions(f.with)
	if err != nil {
		return in, err
	}
	find := library(others)
	in.Child = func(id, _ string) *steps.Workflow { return find(id) }
	return in, nil
}

// planThere sends a file that is not stored, and stays so.
func (f *planFlags) planThere(ctx context.Context, a *app, name string, asked gateway.DryRun) error {
	d, err := a.definition(name)
	if err != nil {
		return err
	}
	text, err := json.Marshal(string(d.source))
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	body := gateway.DryRunDefinition{DryRun: asked, Definition: text}
	err = f.ask(ctx, a, request{method: http.MethodPost, path: "workflows/dry-run", body: body})
	var problem *gateway.Problem
	if errors.As(err, &problem) && problemExit(problem) == exitDefinition {
		fmt.Fprint(a.errOut, plan.Text(d.refused(problem.Errors)))
		return &coded{exitDefinition, fmt.Errorf("%s is not a valid workflow", d.name)}
	}
	return err
}

func (f *planFlags) ask(ctx context.Context, a *app, r request) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var made doc[plan.Plan]
	if err := c.do(ctx, r, &made); err != nil {
		return err
	}
	return showOne(a, planView, made)
}
