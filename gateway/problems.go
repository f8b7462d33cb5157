package gateway

import (
	"encoding/json"
	"net/http"
)

// problemDocs is where each code is explained, as docs/problems.md has it; the code follows it.
const problemDocs = "https://cordum.dev/problems/"

// Problem is the body of every error: RFC 9457 problem details. It never holds what the client sent.
type Problem struct {
	Type   string        `json:"type" format:"uri" doc:"Address of the explanation of this code" example:"https://cordum.dev/problems/not_found"`
	Title  string        `json:"title" doc:"What kind of problem this is, always the same for a code"`
	Status int           `json:"status" doc:"HTTP status code"`
	Detail string        `json:"detail,omitempty" doc:"What was wrong this time and what to do"`
	Code   string        `json:"code" doc:"Stable name; decide by this" example:"not_found"`
	Errors []ProblemItem `json:"errors,omitempty" doc:"Each thing that was wrong, with its place"`

	header http.Header
}

// ProblemItem is one thing that was wrong.
type ProblemItem struct {
	Message  string `json:"message"`
	Location string `json:"location,omitempty" doc:"JSON pointer into the body, or query.NAME, path.NAME, header.NAME"`
	Rule     string `json:"rule,omitempty" doc:"Stable name of the rule that was broken"`
	Code     string `json:"code,omitempty" doc:"Code of the rule in docs/lint.md" example:"CW036"`
	Severity string `json:"severity,omitempty" enum:"error,warning"`
	Line     int    `json:"line,omitempty" doc:"From 1"`
	Column   int    `json:"column,omitempty" doc:"From 1"`
	Hint     string `json:"hint,omitempty" doc:"What was probably meant"`
}

// newProblem makes a problem of a code of the table.
func newProblem(code, detail string) *Problem {
	k, ok := problems[code]
	if !ok {
		panic("gateway: no such problem: " + code)
	}
	return &Problem{Type: problemDocs + code, Title: k.title, Status: k.status, Code: code, Detail: detail}
}

// as gives a problem a finer code than its own, like the rule of the language that was broken.
func (p *Problem) as(code string) *Problem {
	k, ok := problems[code]
	if ok {
		p.Code, p.Type, p.Title = code, problemDocs+code, k.title
	}
	return p
}

// with adds a header to the answer.
func (p *Problem) with(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus and GetHeaders tell huma how to answer.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers the answer needs beside the body.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is application/problem+json, whatever was negotiated.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// write answers with the problem outside of huma.
func (p *Problem) write(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range p.header {
		h[name] = values
	}
	h.Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client left; nothing to do about it
}
