package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
)

// specs are the OpenAPI document in the forms it is served.
type specs struct {
	json31, json30, yaml31, yaml30 []byte
}

// apiConfig sets huma up: our JSON, no schema links in answers, no routes of huma's own.
func apiConfig(version string) huma.Config {
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalJSON}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Cordum", Version: version,
				Description: "Governed workflows: definitions, runs, approvals, jobs, and their live timeline.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key"},
					"bearer": {Type: "http", Scheme: "bearer"},
				},
			},
			Tags: []*huma.Tag{
				{Name: "workflows", Description: "Definitions and how to start them"},
				{Name: "runs", Description: "What a workflow does once"},
				{Name: "compensations", Description: "What undoes the steps of a run, where it waits for a person"},
				{Name: "jobs", Description: "Single pieces of work"},
				{Name: "workers", Description: "Who does the work"},
				{Name: "approvals", Description: "What waits for a person"},
				{Name: "keys", Description: "Who may call"},
				{Name: "audit", Description: "Who did what, with proof"},
				{Name: "policy", Description: "Which jobs may start, under which constraints, and who has to agree"},
				{Name: "stream", Description: "Runs as they happen"},
				{Name: "system", Description: "The server itself"},
			},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
	}
}

// OpenAPI renders the description of the API: 3.1 and 3.0.3, as YAML.
func (g *Gateway) OpenAPI() (v31, v30 []byte, err error) {
	s, err := g.spec()
	if err != nil {
		return nil, nil, err
	}
	return s.yaml31, s.yaml30, nil
}

// Describe renders the description of the API without an engine: 3.1 and 3.0.3, as YAML.
func Describe(version string) (v31, v30 []byte, err error) {
	g, err := New(Config{Dev: true, Version: version}, undescribed{})
	if err != nil {
		return nil, nil, err
	}
	return g.OpenAPI()
}

// undescribed stands for the engine where nothing is called.
type undescribed struct{ Engine }

func (g *Gateway) render() (*specs, error) {
	doc := g.api.OpenAPI()
	openAnswers(doc)
	var s specs
	var err error
	for _, form := range []struct {
		to   *[]byte
		make func() ([]byte, error)
	}{
		{&s.json31, func() ([]byte, error) { return json.Marshal(doc) }},
		{&s.json30, doc.Downgrade},
		{&s.yaml31, doc.YAML},
		{&s.yaml30, doc.DowngradeYAML},
	} {
		if *form.to, err = form.make(); err != nil {
			return nil, fmt.Errorf("gateway: render the OpenAPI document: %w", err)
		}
	}
	return &s, nil
}

// openAnswers lets the schemas of answers have more fields than they name, so that a field that is added later breaks
// no generated client. Those of requests stay closed: an unknown field is refused.
func openAnswers(doc *huma.OpenAPI) {
	asked := map[*huma.Schema]bool{}
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Post, path.Put} {
			if op == nil || op.RequestBody == nil {
				continue
			}
			for _, media := range op.RequestBody.Content {
				markAsked(doc.Components.Schemas, media.Schema, asked)
			}
		}
	}
	for _, schema := range doc.Components.Schemas.Map() {
		if schema.AdditionalProperties == false && !asked[schema] {
			schema.AdditionalProperties = nil
		}
	}
}

// markAsked marks a schema of a request and those of its fields.
func markAsked(reg huma.Registry, s *huma.Schema, asked map[*huma.Schema]bool) {
	if s != nil && s.Ref != "" {
		s = reg.SchemaFromRef(s.Ref)
	}
	if s == nil || asked[s] {
		return
	}
	asked[s] = true
	markAsked(reg, s.Items, asked)
	for _, field := range s.Properties {
		markAsked(reg, field, asked)
	}
}

// schemaOf describes a Go type in the document.
func schemaOf[T any](reg huma.Registry) *huma.Schema {
	return reg.Schema(reflect.TypeFor[T](), true, "")
}

// planSchemas are the types of package plan whose names stand for themselves. The others are parts of a plan.
var planSchemas = []string{"Plan", "Finding", "Explanation", "Rollback"}

// schemaName names a type in the document: as it is called, and the parts of a plan as such.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.PkgPath() == reflect.TypeFor[plan.Plan]().PkgPath() && !slices.Contains(planSchemas, name) {
		return "Plan" + name
	}
	if t.PkgPath() == reflect.TypeFor[runner.AuditRecord]().PkgPath() {
		return "Audit" + strings.TrimPrefix(name, "Audit")
	}
	return name
}

func (g *Gateway) serveSpec(w http.ResponseWriter, r *http.Request, media string, pick func(*specs) []byte) {
	s, err := g.spec()
	if err != nil {
		g.fail(recordOf(r.Context()), err).write(w)
		return
	}
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(pick(s)) // the client left; nothing to do about it
}

func (g *Gateway) serveSpec31(w http.ResponseWriter, r *http.Request) {
	g.serveSpec(w, r, "application/openapi+json", func(s *specs) []byte { return s.json31 })
}

func (g *Gateway) serveSpec30(w http.ResponseWriter, r *http.Request) {
	g.serveSpec(w, r, "application/openapi+json", func(s *specs) []byte { return s.json30 })
}

func (g *Gateway) serveSpecYAML(w http.ResponseWriter, r *http.Request) {
	g.serveSpec(w, r, "application/openapi+yaml", func(s *specs) []byte { return s.yaml31 })
}

func problemResponse(reg huma.Registry, status int) *huma.Response {
	return &huma.Response{
		Description: http.StatusText(status),
		Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: reg.Schema(reflect.TypeFor[Problem](), true, "Problem")},
		},
	}
}

// definitionSchema describes a definition only roughly: the language has a description of its own.
func definitionSchema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Description: "A workflow definition, as the language describes it", AdditionalProperties: true,
		Properties: map[string]*huma.Schema{
			"id":    {Type: huma.TypeString, Pattern: `^[a-z0-9][a-z0-9._-]{0,62}$`},
			"name":  {Type: huma.TypeString},
			"steps": {Description: "A list of steps with id, or a map of steps by id"},
		},
		Required: []string{"steps"},
		Examples: []any{map[string]any{
			"id": "hello",
			"steps": []any{
				map[string]any{"id": "greet", "pack": "demo", "tool": "greet", "input": map[string]any{"name": "${input.name}"}},
			},
		}},
	}
}

func inputSchema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "The run's input, any JSON value; nothing is {}", Examples: []any{map[string]any{"name": "Ann"}}}
}

// changeParams are the headers of every request that changes something.
func changeParams() []*huma.Param {
	text := func(longest int) *huma.Schema { return &huma.Schema{Type: huma.TypeString, MaxLength: &longest} }
	return []*huma.Param{
		{
			Name: "Idempotency-Key", In: "header", Schema: text(MaxIdempotencyKey),
			Description: "The same key with the same body does nothing twice; with another body it is refused",
		},
		{Name: "X-Reason", In: "header", Schema: text(MaxReason), Description: "Why; recorded with what is done"},
	}
}

func sseParams() []*huma.Param {
	str := &huma.Schema{Type: huma.TypeString}
	seq := &huma.Schema{Type: huma.TypeInteger, Format: "int64"}
	return []*huma.Param{
		{Name: "run", In: "query", Schema: str, Description: "The run to follow"},
		{Name: "workflow", In: "query", Schema: str, Description: "The workflow whose runs to follow; * is all"},
		{Name: "after_seq", In: "query", Schema: seq, Description: "Go on behind this fact"},
		{Name: "logs", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"1"}}, Description: "Of a run: also the lines that its jobs write from now on"},
		{Name: "Last-Event-ID", In: "header", Schema: seq, Description: "The same, as browsers say it; wins over after_seq"},
	}
}
