package builtin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"cordum.dev/cordum/sdk/go"
)

// call is the input of a job of the tool http: the rendered fields of an http step.
type call struct {
	URL     string                     `json:"url"`
	Method  string                     `json:"method"`  // default GET
	Headers map[string]json.RawMessage `json:"headers"` // text, numbers and booleans; null leaves one out
	Body    json.RawMessage            `json:"body"`    // a text as it is, null for none, anything else as JSON
	Success string                     `json:"success"` // an expression over status, headers, body; default steps.DefaultSuccess
}

// methods are those that can be called; true for those that change nothing (RFC 9110 §9.2.1).
var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodOptions: true,
	http.MethodPost: false, http.MethodPut: false, http.MethodPatch: false, http.MethodDelete: false,
}

// connectionHeaders are not the step's to set: they belong to the connection, or would say another host or length than
// the one that is checked (RFC 9110 §7.6.1).
var connectionHeaders = map[string]bool{
	"Accept-Encoding": true, "Connection": true, "Content-Length": true, "Expect": true, "Host": true, "Keep-Alive": true,
	"Proxy-Authenticate": true, "Proxy-Authorization": true, "Proxy-Connection": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true,
}

// keyHeader carries the job's id: the same for all its attempts, so that the other side can tell a repetition
// (draft-ietf-httpapi-idempotency-key-header).
const keyHeader = "Idempotency-Key"

// userAgent says who calls.
const userAgent = "cordum"

// request makes the request that a step wants. It fails with a coded error, which holds no value of the step.
func (in *call) request(ctx context.Context, job cordum.Job) (*http.Request, error) {
	u, err := target(in.URL)
	if err != nil {
		return nil, refused(err)
	}
	method := strings.ToUpper(in.Method)
	if method == "" {
		method = http.MethodGet
	}
	if _, known := methods[method]; !known {
		return nil, invalid(errors.New("the method is one of GET, HEAD, OPTIONS, POST, PUT, PATCH and DELETE"))
	}
	body, contentType, err := in.body()
	if err != nil {
		return nil, invalid(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, invalid(errors.New("the request cannot be made of these fields"))
	}
	if len(body) == 0 {
		req.Body, req.GetBody = http.NoBody, nil
	}
	if err := in.head(req.Header); err != nil {
		return nil, err
	}
	setDefault(req.Header, "Content-Type", contentType)
	setDefault(req.Header, "User-Agent", userAgent)
	setDefault(req.Header, keyHeader, job.Key)
	return req, nil
}

func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" && value != "" {
		h.Set(name, value)
	}
}

// body is what is sent, and its type where the step does not say one.
func (in *call) body() (data []byte, contentType string, err error) {
	switch raw := bytes.TrimSpace(in.Body); {
	case len(raw) == 0, bytes.Equal(raw, []byte("null")):
		return nil, "", nil
	case raw[0] == '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, "", errors.New("the body is no text")
		}
		return []byte(text), "text/plain; charset=utf-8", nil
	default:
		return raw, "application/json", nil
	}
}

// head fills in the step's headers.
func (in *call) head(h http.Header) error {
	if len(in.Headers) > maxHeaders {
		return invalid(fmt.Errorf("there are %d headers, at most %d are allowed", len(in.Headers), maxHeaders))
	}
	size := 0
	for name, raw := range in.Headers {
		value, present, err := headerText(raw)
		if err != nil {
			return invalid(fmt.Errorf("a header's value is text, a number, a boolean or null: %s is not", clipName(name)))
		}
		if !present {
			continue
		}
		key := http.CanonicalHeaderKey(name)
		switch size += len(name) + len(value); {
		case !isToken(name):
			return refused(&deniedError{"this url", "the name of a header holds what no name can"})
		case connectionHeaders[key]:
			return invalid(fmt.Errorf("the header %s is the connection's: it cannot be set", key))
		case !isFieldValue(value):
			return refused(&deniedError{"this url", "the value of the header " + key + " holds a line break or another control character"})
		case h.Get(key) != "":
			return invalid(fmt.Errorf("the header %s is there twice", key))
		case size > maxHeaderBytes:
			return invalid(fmt.Errorf("the headers have more than %d bytes together", maxHeaderBytes))
		}
		h.Set(key, value)
	}
	return nil
}

// headerText reads the value of one header.
func headerText(raw json.RawMessage) (value string, present bool, err error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return "", false, err
	}
	switch v := v.(type) {
	case nil:
		return "", false, nil
	case string:
		return strings.Trim(v, " \t"), true, nil
	case json.Number:
		return v.String(), true, nil
	case bool:
		return strconv.FormatBool(v), true, nil
	}
	return "", false, errors.New("a list or an object")
}

// isToken tells whether s can be the name of a header (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for _, c := range []byte(s) {
		letter := (c|0x20 >= 'a' && c|0x20 <= 'z') || (c >= '0' && c <= '9')
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// isFieldValue tells whether s can be the value of a header: no line break, no control character but the tab.
func isFieldValue(s string) bool {
	for _, c := range []byte(s) {
		if (c < ' ' && c != '\t') || c == 0x7f {
			return false
		}
	}
	return true
}

// clipName makes a name of the step's fit for a message.
func clipName(s string) string { return strconv.Quote(cut(s, 64)) }
