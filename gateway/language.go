package gateway

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/steps"
)

// LintReport says what is wrong with a definition, and what is probably not meant.
type LintReport struct {
	Valid       bool           `json:"valid" doc:"It would be stored; warnings do not matter"`
	ID          string         `json:"id,omitempty"`
	Digest      string         `json:"digest,omitempty"`
	Steps       int            `json:"steps,omitempty"`
	Errors      int            `json:"errors"`
	Warnings    int            `json:"warnings"`
	Diagnostics []plan.Finding `json:"diagnostics" doc:"In the order of the file; docs/lint.md explains each code"`
}

func (g *Gateway) lintWorkflow(ctx context.Context, in *DefinitionBody) (*reply[LintReport], error) {
	source, format := in.source()
	source, _ = takeRun(source, format)
	w, diags, err := g.check(ctx, source, format)
	if err != nil {
		return nil, err
	}
	report := LintReport{Valid: w != nil, Diagnostics: plan.Findings(source, diags, "")}
	report.Errors, report.Warnings = plan.Count(report.Diagnostics)
	if w != nil {
		def := identified(w.Def)
		report.ID, report.Digest, report.Steps = def.ID, def.Digest, len(w.Steps)
	}
	return &reply[LintReport]{report}, nil
}

// check compiles a definition with all that lint says of it, the other workflows of the tenant being known. The workflow is
// nil when a diagnostic is an error.
func (g *Gateway) check(ctx context.Context, source []byte, format runner.Format) (*steps.Workflow, []dag.Diagnostic, error) {
	others := g.library(ctx)
	w, diags := plan.Check(source, languageFormat(format), plan.Options{OneShot: true, Lookup: others.newest})
	return w, diags, others.err
}

// identified is a definition with an id: a one-shot's is made of its content, so that the same one is stored once.
func identified(def *dag.Definition) *dag.Definition {
	if def.ID != "" {
		return def
	}
	return def.WithID(oneShotPrefix + def.Digest[:16])
}

// serveLanguage hands out the JSON Schema of the language. It is the same for everybody, and editors that read it have no
// key.
func (g *Gateway) serveLanguage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/schema+json")
	_, _ = w.Write(steps.LanguageSchema()) // the client left; nothing to do about it
}

type graphInput struct {
	WorkflowRef
	Format string `query:"format" enum:"json,mermaid,dot,ascii" default:"json" doc:"JSON, or text in the language of Mermaid or Graphviz, or for a terminal"`
}

// graphReply is a graph as JSON, or as text of a media type of its own.
type graphReply struct {
	ContentType string `header:"Content-Type"`
	Body        any
}

// graphMedia describes both forms of the answer.
func graphMedia(reg huma.Registry) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{
		"application/json": {Schema: schemaOf[runner.GraphView](reg)},
		"text/plain":       {Schema: &huma.Schema{Type: huma.TypeString}},
	}
}

func (g *Gateway) getGraph(ctx context.Context, in *graphInput) (*graphReply, error) {
	version, err := g.engine.Workflow(ctx, caller(ctx, ""), in.ID, in.Digest)
	if err != nil {
		return nil, err
	}
	if in.Format == "json" {
		graph := runner.GraphView{Nodes: []runner.GraphNode{}, Edges: []runner.GraphEdge{}}
		if version.Graph != nil {
			graph.Nodes = append(graph.Nodes, version.Graph.Nodes...)
			graph.Edges = append(graph.Edges, version.Graph.Edges...)
		}
		return &graphReply{ContentType: "application/json", Body: graph}, nil
	}
	w, err := compiled(version)
	if err != nil {
		return nil, err
	}
	draw := map[string]func(*dag.Definition) string{"mermaid": w.Graph.Mermaid, "dot": w.Graph.Dot, "ascii": w.Graph.Text}[in.Format]
	return &graphReply{ContentType: "text/plain; charset=utf-8", Body: []byte(draw(w.Def))}, nil
}

type diffInput struct {
	ByID
	From string `query:"from" required:"true" pattern:"^[0-9a-f]{64}$" doc:"Digest of the version before"`
	To   string `query:"to" pattern:"^[0-9a-f]{64}$" doc:"Digest of the version after; the newest by default"`
}

// WorkflowDiff is what changed from one version of a workflow to another, by meaning: spelling and order do not count.
type WorkflowDiff struct {
	Workflow string `json:"workflow_id"`
	From     string `json:"from"`
	To       string `json:"to"`
	Same     bool   `json:"same" doc:"Both mean the same"`
	dag.Difference
}

func (g *Gateway) diffWorkflow(ctx context.Context, in *diffInput) (*reply[WorkflowDiff], error) {
	before, err := g.stored(ctx, in.ID, in.From)
	if err != nil {
		return nil, err
	}
	after, err := g.stored(ctx, in.ID, in.To)
	if err != nil {
		return nil, err
	}
	d := dag.Diff(before.Def, after.Def)
	return &reply[WorkflowDiff]{WorkflowDiff{
		Workflow: in.ID, From: before.Def.Digest, To: after.Def.Digest, Same: d.Empty(), Difference: *d,
	}}, nil
}
