package builtin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"cordum.dev/cordum/sdk/go"
	"cordum.dev/cordum/steps/expr"
)

// answer is the output of a job of the tool http.
type answer struct {
	Status int `json:"status"`
	// Headers by name in lower case; several of one name are joined by ", ".
	Headers map[string]string `json:"headers"`
	// Body is a value where the type says JSON and it is, else text; what is neither is base64, and Base64 says so.
	Body   json.RawMessage `json:"body"`
	Base64 bool            `json:"base64,omitempty"`

	value any // of Body, for expressions
}

// caller makes calls over HTTP.
type caller struct {
	client   *http.Client
	patience patience
}

func newCaller(g *guard) *caller { return &caller{g.client(), ordinaryPatience} }

// call makes one call and judges its answer. hide takes known secrets out of bytes before they are encoded in a way in
// which nobody would find them.
func (c *caller) call(ctx context.Context, job cordum.Job, in call, hide *redactor) (*answer, error) {
	if u, err := url.Parse(in.URL); err == nil {
		hide.addPart(u.Hostname())
	}
	req, err := in.request(ctx, job)
	if err != nil {
		return nil, err
	}
	success, err := compileSuccess(in.Success)
	if err != nil {
		return nil, invalid(err)
	}
	x := c.patience.begin(ctx, req.Method)
	defer x.done()
	resp, err := c.client.Do(req.WithContext(x.ctx))
	if err != nil {
		return nil, x.failed(req.URL.Hostname(), err)
	}
	defer resp.Body.Close()
	got, err := x.answer(resp, hide)
	if err != nil {
		return nil, err
	}
	return got, x.judge(success, got)
}

// answer reads an answer within the limits.
func (x *exchange) answer(resp *http.Response, hide *redactor) (*answer, error) {
	large := &cordum.Error{
		Kind: cordum.KindFatal, Code: CodeResponseTooLarge, Details: x.after(resp.StatusCode),
		Err: fmt.Errorf("the body of the answer has more than %d bytes, compressed or not", MaxResponse),
	}
	if resp.ContentLength > MaxResponse && resp.Request.Method != http.MethodHead {
		return nil, large
	}
	data, err := x.read(resp.Body, MaxResponse)
	switch {
	case err != nil:
		return nil, x.failed(resp.Request.URL.Hostname(), err)
	case len(data) > MaxResponse:
		return nil, large
	}
	got := &answer{Status: resp.StatusCode, Headers: make(map[string]string, len(resp.Header))}
	for name, values := range resp.Header {
		got.Headers[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return got, got.setBody(resp.Header.Get("Content-Type"), data, hide)
}

// setBody turns the bytes of a body into a value.
func (a *answer) setBody(contentType string, data []byte, hide *redactor) (err error) {
	switch {
	case len(data) == 0:
		a.Body = json.RawMessage("null")
		return nil
	case !utf8.Valid(data):
		a.Base64, a.value = true, base64.StdEncoding.EncodeToString(hide.bytes(data))
	case isJSON(contentType):
		if v, err := expr.DecodeJSON(data); err == nil {
			a.Body, a.value = data, v
			return nil
		}
		a.value = string(data)
	default:
		a.value = string(data)
	}
	a.Body, err = json.Marshal(a.value)
	return err
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json"))
}

// judge says whether the answer is what the step calls a success.
func (x *exchange) judge(success *expr.Program, got *answer) error {
	ok, err := succeeded(success, got)
	if err != nil {
		return x.unjudged(got, err)
	}
	if ok {
		return nil
	}
	failure := &cordum.Error{
		Kind: cordum.KindFatal, Code: CodeHTTPStatus, Details: outcome{Status: got.Status},
		Err: fmt.Errorf("the answer has status %d and is no success", got.Status),
	}
	if got.Status >= http.StatusInternalServerError || got.Status == http.StatusTooManyRequests {
		failure.Kind = cordum.KindRetryable
	}
	return failure
}

// unjudged is the failure of an answer for which success cannot be evaluated.
func (x *exchange) unjudged(got *answer, err error) error {
	failure := &cordum.Error{
		Kind: cordum.KindFatal, Code: expr.CodeRuntime, Details: x.after(got.Status),
		Err: fmt.Errorf("success cannot be evaluated for an answer with status %d", got.Status),
	}
	var e *expr.Error
	if errors.As(err, &e) {
		failure.Code = e.Code
		failure.Err = fmt.Errorf("%w: %s", failure.Err, e.Message)
	}
	return failure
}

// after is what is known when an answer came and could not be used: it was no refusal, so the effect may be there.
func (x *exchange) after(status int) outcome {
	if x.mayHaveEffect() && status < http.StatusBadRequest {
		return outcome{Status: status, Outcome: outcomeUnknown}
	}
	return outcome{Status: status}
}
