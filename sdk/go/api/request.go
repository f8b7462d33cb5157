package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// request is one that is being put together; the first error stays.
type request struct {
	method string
	path   string // with {names} that segment replaces
	values url.Values
	head   http.Header
	body   io.Reader
	err    error
}

func newRequest(method, path string) *request {
	return &request{
		method: method, path: path, values: url.Values{},
		head: http.Header{"Accept": {"application/json, application/problem+json, */*;q=0.5"}},
	}
}

// segment fills in a part of the path. It stays one part, whatever is in it: an id never leads elsewhere.
func (r *request) segment(name, value string) {
	if value == "" || value == "." || value == ".." {
		r.fail(fmt.Errorf("api: %s %s: %q is no %s", r.method, r.path, value, name))
		return
	}
	r.path = strings.ReplaceAll(r.path, "{"+name+"}", url.PathEscape(value))
}

// query adds a parameter; nil, or an empty list, adds none.
func (r *request) query(name string, value any) {
	if text, ok := r.text(name, value); ok {
		r.values.Set(name, text)
	}
}

// header adds a header; nil adds none.
func (r *request) header(name string, value any) {
	if text, ok := r.text(name, value); ok {
		r.head.Set(name, text)
	}
}

// text is a parameter as it is sent; lists are joined with commas, as the server reads them. False when there is none.
func (r *request) text(name string, value any) (string, bool) {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Invalid:
		return "", false
	case reflect.Pointer:
		if v.IsNil() {
			return "", false
		}
		return r.text(name, v.Elem().Interface())
	case reflect.Slice:
		return r.list(name, v)
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return fmt.Sprint(value), true
	}
	if at, ok := value.(time.Time); ok {
		return at.Format(time.RFC3339Nano), true
	}
	r.fail(fmt.Errorf("api: %s %s: %s cannot be sent as a %T", r.method, r.path, name, value))
	return "", false
}

func (r *request) list(name string, v reflect.Value) (string, bool) {
	items := make([]string, 0, v.Len())
	for i := range v.Len() {
		if text, ok := r.text(name, v.Index(i).Interface()); ok {
			items = append(items, text)
		}
	}
	return strings.Join(items, ","), len(items) > 0
}

// json sets a body.
func (r *request) json(body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		r.fail(fmt.Errorf("api: %s %s: body: %w", r.method, r.path, err))
		return
	}
	r.raw("application/json", bytes.NewReader(raw))
}

// raw sets a body that is sent as it is.
func (r *request) raw(contentType string, body io.Reader) {
	r.head.Set("Content-Type", contentType)
	r.body = body
}

func (r *request) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *request) build(ctx context.Context, base string) (*http.Request, error) {
	if r.err != nil {
		return nil, r.err
	}
	address := base + r.path
	if len(r.values) > 0 {
		address += "?" + r.values.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, r.body)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	req.Header = r.head
	return req, nil
}
