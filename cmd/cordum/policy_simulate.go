package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

func newPolicySimulate(a *app) *cobra.Command {
	var sources policySources
	var requests, workflow string
	var f planFlags
	cmd := &cobra.Command{
		Use:   "simulate --bundle FILE (--requests FILE | --workflow FILE)",
		Short: "Say what a policy decides about requests, or about a whole workflow",
		Long: "Evaluates a policy without a server and without running anything: against a file of requests, each {id, tenant, tool,\n" +
			"tags, …} with the fields of a request, in a list; or against a workflow, every job of which is put to it, with what is\n" +
			"not known before a run named. Exits with 3 when the policy or the requests are invalid; a denial is no error.",
		Example: "  cordum policy simulate --bundle policy.json --requests test-requests.json\n" +
			"  cordum policy simulate --bundle base.yaml --overlay pack.yaml --requests requests.yaml -o json\n" +
			"  cordum policy simulate --bundle policy.yaml --workflow workflow.yaml --input '{\"version\": \"v2\"}'",
		Args: wantArgs(),
		RunE: func(*cobra.Command, []string) error {
			policy, err := sources.snapshot(a)
			switch {
			case err != nil:
				return err
			case (requests == "") == (workflow == ""):
				return usagef("what is to be decided is missing: give either --requests or --workflow")
			case workflow != "":
				return f.simulate(a, workflow, policy)
			}
			list, err := a.requests(requests)
			if err != nil {
				return err
			}
			return a.showDecisions(policy, list)
		},
	}
	sources.add(cmd)
	to := cmd.Flags()
	to.StringVarP(&requests, "requests", "r", "", "a file with a list of requests, YAML or JSON; - for stdin")
	to.StringVar(&workflow, "workflow", "", "a definition, every job of which is put to the policy")
	to.StringVar(&f.input, "input", "", "with --workflow: the run's input, JSON, @FILE, or - for stdin")
	to.StringVar(&f.context, "context", "", "with --workflow: laid over the definition's context")
	to.StringArrayVar(&f.labels, "label", nil, "with --workflow: NAME=VALUE; may be given several times")
	to.StringArrayVar(&f.with, "with", nil, "with --workflow: the file of a workflow that a sub-workflow step names")
	return cmd
}

// simulate plans a workflow with a policy.
func (f *planFlags) simulate(a *app, file string, policy *safety.Snapshot) error {
	asked, err := f.asked(a)
	if err != nil {
		return err
	}
	d, err := a.definition(file)
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
	in.Policy = policy
	return showOne(a, planView, doc[plan.Plan]{V: *plan.Make(w, in)})
}

// namedRequest is a request of a file.
type namedRequest struct {
	id      string
	request safety.Request
}

// requests reads a file of requests: a list, a list below "requests", or one alone. One without id is named by its number.
func (a *app) requests(name string) ([]namedRequest, error) {
	text, err := a.readFile(name)
	if err != nil {
		return nil, err
	}
	n, err := yamlx.Parse(text, yamlx.Auto)
	if err != nil {
		return nil, &coded{exitDefinition, fmt.Errorf("%s:%w", name, err)}
	}
	items := []*yamlx.Node{n}
	if below := n.Get("requests"); below != nil {
		n = below
	}
	if n.Kind == yamlx.List {
		items = n.Items
	}
	var out []namedRequest
	var problems []safety.Problem
	for i, item := range items {
		id, rest := withoutID(item)
		if id == "" {
			id = strconv.Itoa(i + 1)
		}
		r, found := safety.ReadRequest(rest, name)
		problems = append(problems, found...)
		out = append(out, namedRequest{id, r})
	}
	if safety.Refused(problems) {
		fmt.Fprint(a.errOut, plan.Text(policyFindings(problems, map[string][]byte{name: text})))
		return nil, &coded{exitDefinition, fmt.Errorf("%s: %s", name, counted(len(problems), "problem", "problems"))}
	}
	return out, nil
}

// withoutID takes the name of a request away from what is the request's.
func withoutID(n *yamlx.Node) (string, *yamlx.Node) {
	id := n.Get("id")
	if n.Kind != yamlx.Map || id == nil || id.Kind != yamlx.String {
		return "", n
	}
	rest := *n
	rest.Fields = slices.DeleteFunc(slices.Clone(n.Fields), func(f yamlx.Field) bool { return f.Key == "id" })
	return id.Str, &rest
}

// simulated is the answer to one request.
type simulated struct {
	ID       string          `json:"id"`
	Decision safety.Decision `json:"decision"`
}

func (a *app) showDecisions(policy *safety.Snapshot, list []namedRequest) error {
	p := a.printer()
	decisions := make([]simulated, len(list))
	for i, r := range list {
		decisions[i] = simulated{r.id, safety.Evaluate(policy, r.request)}
	}
	switch a.flags.output {
	case "table":
		rows := make([][]cell, len(decisions))
		for i, d := range decisions {
			rows[i] = decisionRow(d)
		}
		return p.table([]string{"REQUEST", "DECISION", "BY", "CONSTRAINTS", "APPROVALS", "REASON"}, rows)
	case "name":
		for _, d := range decisions {
			_ = p.line(oneLine(d.ID)) // kept in p.err
		}
		return p.err
	case "jsonl":
		for _, d := range decisions {
			if err := a.encode(p, d); err != nil {
				return err
			}
		}
		return p.err
	}
	return a.encode(p, struct {
		Snapshot  string      `json:"snapshot"`
		Decisions []simulated `json:"decisions"`
	}{policy.Digest(), decisions})
}

// verdictTones are the colours of decisions.
var verdictTones = map[safety.Verdict]tone{
	safety.Allow: good, safety.AllowWithConstraints: good, safety.RequireApproval: held, safety.Deny: bad,
}

func decisionRow(s simulated) []cell {
	d := s.Decision
	var constraints, approvals []string
	for _, c := range d.Constraints {
		constraints = append(constraints, c.String())
	}
	for _, need := range d.Approvals {
		who := "anybody who may"
		if len(need.Approvers) > 0 {
			who = strings.Join(need.Approvers, "|")
		}
		approvals = append(approvals, fmt.Sprintf("%d of %s", need.Quorum, who))
	}
	return []cell{
		text(s.ID),
		{d.Verdict.String(), verdictTones[d.Verdict]},
		text(d.Rule), text(strings.Join(constraints, ", ")),
		text(strings.Join(approvals, " and ")), text(d.Reason),
	}
}
