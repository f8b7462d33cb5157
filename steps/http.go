package steps

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// Where the job of an HTTP call goes: the built-in worker.
const (
	HTTPPack = "cordum"
	HTTPTool = "http"
)

// DefaultSuccess is when an HTTP call succeeded that does not say.
const DefaultSuccess = "status < 400"

var httpMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

var httpKind = kind{
	name: "http",
	doc:  "Makes an HTTP call, as a job of the built-in worker, through policy and egress rules. Output {status, headers, body}.",
	fields: []field{
		{"url", aTemplate("What is called: http:// or https://.")},
		{"method", oneOf("The method. Default GET.", "GET", "", "HEAD", "", "POST", "", "PUT", "", "PATCH", "", "DELETE", "", "OPTIONS", "")},
		{"headers", shape{"type": "object", "additionalProperties": shape{"type": "string"}, "description": "Headers of the request. Values are templates."}},
		{"body", shape{"description": "Body of the request: text as it is, anything else as JSON. A template."}},
		{"success", anExpression("Says whether the call succeeded; sees `status`, `headers` and `body`. Default `status < 400`.")},
	},
	needs:  []any{"url"},
	undoes: true,
	effect: dag.EffectWrite,
	decode: decodeHTTP,
}

var (
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$") // a token of RFC 9110
	httpAddress = regexp.MustCompile(`(?i)^https?://.`)
)

// SuccessScope are the names that the success of an HTTP call sees: status, headers (names in lower case) and body.
func SuccessScope() expr.Scope {
	return expr.Scope{Bool: true, Names: map[string]*expr.Schema{
		"status":  {Types: []string{"integer"}},
		"headers": {Types: []string{"object"}},
		"body":    nil,
	}}
}

// call is an HTTP call.
type call struct {
	url     *expr.Template
	method  string
	headers []header
	body    *expr.Template // nil: none
	success string         // an expression, for whoever gets the answer
}

type header struct {
	name  string
	value *expr.Template
}

// Start implements Spec.
func (c call) Start(env *expr.Env) (Ask, error) {
	url, err := c.url.RenderText(env)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{"url": url, "method": c.method, "success": c.success}
	if len(c.headers) > 0 {
		headers := make(map[string]any, len(c.headers))
		for _, h := range c.headers {
			if headers[h.name], err = h.value.RenderText(env); err != nil {
				return nil, err
			}
		}
		fields["headers"] = headers
	}
	if c.body != nil {
		if fields["body"], err = c.body.Render(env); err != nil {
			return nil, err
		}
	}
	return builtinJob(HTTPPack, HTTPTool, fields)
}

// builtinJob is a job of the built-in worker with this input.
func builtinJob(pack, tool string, fields map[string]any) (Ask, error) {
	input, err := yamlx.AppendCanonical(nil, fields)
	if err != nil {
		return nil, &expr.Error{Code: expr.CodeRuntime, Message: "what the job gets is no JSON: a number is too large, or a text no UTF-8"}
	}
	return Job{Topic: ToolTopic(pack, tool), Pack: pack, Tool: tool, Input: json.RawMessage(input)}, nil
}

func decodeHTTP(r *reading) Spec {
	r.Need("url")
	spec := call{url: r.sentText("url"), method: r.method(), body: r.sentValue("body"), success: DefaultSuccess}
	if n := r.Get("url"); n != nil && n.Kind == yamlx.String && !strings.HasPrefix(n.Str, "${") && !httpAddress.MatchString(n.Str) {
		r.report.Errorf(dag.RuleBadValue, r.Place("url"), "a URL begins with http:// or https://, not %q", yamlx.Clip(n.Str))
	}
	if n := r.Get("headers"); n != nil {
		spec.headers = r.headers(dag.NewObject(n, r.Place("headers"), r.report), n)
	}
	if n := r.Expression("success"); n != nil {
		r.program(r.Object, "success", SuccessScope())
		spec.success = sourceOf(n)
	}
	return spec
}

// method reads the method, in either case.
func (r *reading) method() string {
	s := strings.ToUpper(r.Text("method"))
	if s == "" && !emptyText(r, "method") {
		return "GET"
	}
	if !slices.Contains(httpMethods, s) {
		r.report.Unknown(dag.RuleBadValue, r.Place("method"), s, httpMethods, "method is one of %s, not %q", strings.Join(httpMethods, ", "), yamlx.Clip(s))
	}
	return s
}

func (r *reading) headers(o *dag.Object, n *yamlx.Node) []header {
	var out []header
	seen := map[string]bool{}
	for _, f := range n.Fields {
		at := o.At().Below(f.Key, f.Pos)
		folded := strings.ToLower(f.Key)
		switch {
		case !headerName.MatchString(f.Key):
			r.report.Errorf(dag.RuleBadValue, at, "%q is no name of a header", yamlx.Clip(f.Key))
			continue
		case seen[folded]:
			r.report.Errorf(dag.RuleConflicting, at, "the header %s is there already: names of headers have no case", yamlx.Clip(f.Key))
			continue
		}
		seen[folded] = true
		if n := o.Template(f.Key); n != nil {
			if strings.ContainsAny(n.Str, "\r\n\x00") {
				r.report.Errorf(dag.RuleBadValue, at, "the value of a header is one line")
			}
			out = append(out, header{f.Key, r.template(n, at, r.sent())})
		}
	}
	return out
}
