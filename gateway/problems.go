package gateway

import (
	"encoding/json"
	"net/http"
)

// problemDocs is where each code is explained; the code follows it.
const problemDocs = "https://cordum.dev/problems/"

// kind is a row of the table of problems.
type kind struct {
	status int
	title  string
}

// problems is the one table from codes to status codes. A code is stable: clients decide by it.
var problems = map[string]kind{
	"empty_body":              {http.StatusBadRequest, "The body is empty"},
	"invalid_json":            {http.StatusBadRequest, "The body is not valid JSON"},
	"invalid_yaml":            {http.StatusBadRequest, "The body is not valid YAML"},
	"json_too_deep":           {http.StatusBadRequest, "The body nests too deeply"},
	"duplicate_key":           {http.StatusBadRequest, "The body has a key twice"},
	"invalid_utf8":            {http.StatusBadRequest, "The body is not valid UTF-8"},
	"multiple_documents":      {http.StatusBadRequest, "The body holds more than one document"},
	"unknown_field":           {http.StatusBadRequest, "The body has a field that does not exist"},
	"body_unreadable":         {http.StatusBadRequest, "The body could not be read"},
	"invalid_argument":        {http.StatusBadRequest, "A parameter is not valid"},
	"invalid_cursor":          {http.StatusBadRequest, "The cursor is not valid"},
	"invalid_after_seq":       {http.StatusBadRequest, "The place to resume at is not valid"},
	"invalid_idempotency_key": {http.StatusBadRequest, "The idempotency key is not valid"},
	"invalid_tenant":          {http.StatusBadRequest, "The tenant is not valid"},
	"invalid_principal":       {http.StatusBadRequest, "The principal is not valid"},
	"bad_upgrade":             {http.StatusBadRequest, "This is no WebSocket handshake"},
	"unauthenticated":         {http.StatusUnauthorized, "Credentials are missing or wrong"},
	"credentials_in_query":    {http.StatusUnauthorized, "Credentials do not belong in the address"},
	"forbidden":               {http.StatusForbidden, "Your role does not allow this"},
	"tenant_mismatch":         {http.StatusForbidden, "Your credentials belong to another tenant"},
	"cross_origin":            {http.StatusForbidden, "Pages of other origins may not do this"},
	"loopback_only":           {http.StatusForbidden, "Only this machine may read this"},
	"not_found":               {http.StatusNotFound, "There is no such thing"},
	"method_not_allowed":      {http.StatusMethodNotAllowed, "The method is not allowed here"},
	"body_timeout":            {http.StatusRequestTimeout, "The body took too long"},
	"conflict":                {http.StatusConflict, "The state does not allow this"},
	"duplicate_subscription":  {http.StatusConflict, "A subscription with this id exists"},
	"gone":                    {http.StatusGone, "This has expired"},
	"body_too_large":          {http.StatusRequestEntityTooLarge, "The body is too large"},
	"unsupported_media_type":  {http.StatusUnsupportedMediaType, "The content type is not taken here"},
	"unsupported_encoding":    {http.StatusUnsupportedMediaType, "Compressed bodies are not taken"},
	"misdirected_request":     {http.StatusMisdirectedRequest, "This server does not answer for that host"},
	"invalid_body":            {http.StatusUnprocessableEntity, "The body does not have the right shape"},
	"invalid_definition":      {http.StatusUnprocessableEntity, "The definition is not valid"},
	"invalid_input":           {http.StatusUnprocessableEntity, "The input is not valid"},
	"idempotency_key_reused":  {http.StatusUnprocessableEntity, "The idempotency key was used for another request"},
	"rate_limited":            {http.StatusTooManyRequests, "Too many requests"},
	"too_many_headers":        {http.StatusRequestHeaderFieldsTooLarge, "The request has too many headers"},
	"internal":                {http.StatusInternalServerError, "Something went wrong here"},
	"overloaded":              {http.StatusServiceUnavailable, "Too much to do right now"},
	"unavailable":             {http.StatusServiceUnavailable, "Not available right now"},
	"too_many_viewers":        {http.StatusServiceUnavailable, "Too many live viewers"},
	"deadline_exceeded":       {http.StatusGatewayTimeout, "No answer in time"},
}

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
