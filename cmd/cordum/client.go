package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"cordum.dev/cordum/gateway"
)

const (
	defaultServer = "http://localhost:8081"
	apiPrefix     = "/api/v1"
	// maxAnswer bounds what is read of one answer: a page of 1,000 rows with inline outputs stays far below.
	maxAnswer = 256 << 20
)

// client calls the HTTP API. It keeps connections open between calls.
type client struct {
	base   *url.URL
	header http.Header
	http   *http.Client
}

// client makes the client that the global flags ask for.
func (a *app) client() (*client, error) {
	base, err := url.Parse(a.flags.server)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, usagef("--server %q is no address: write it like %s", a.flags.server, defaultServer)
	}
	a.asked = true
	header := http.Header{"User-Agent": {"cordum-cli/" + versionName()}}
	for name, value := range map[string]string{
		"X-API-Key": a.flags.apiKey, "X-Tenant-ID": a.flags.tenant, "X-Reason": a.flags.reason,
		"Idempotency-Key": a.flags.idempotencyKey, "X-Principal-Id": a.flags.as, "X-Principal-Role": a.flags.role,
	} {
		if value != "" {
			header.Set(name, value)
		}
	}
	return &client{base: base, header: header, http: &http.Client{}}, nil
}

// request is one call. body is sent as JSON, unless it is []byte, which goes as it is with contentType.
type request struct {
	method, path string
	query        url.Values
	body         any
	contentType  string
}

// get reads path into out.
func (c *client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.do(ctx, request{method: http.MethodGet, path: path, query: query}, out)
}

// post sends body to path and reads the answer into out, which may be nil.
func (c *client) post(ctx context.Context, path string, body, out any) error {
	return c.do(ctx, request{method: http.MethodPost, path: path, body: body}, out)
}

// do makes one call. What the server refuses is a *gateway.Problem; a server that is not there is an error that says
// how to start one.
func (c *client) do(ctx context.Context, r request, out any) error {
	req, err := c.build(ctx, r)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return problemOf(answer, raw)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s %s answered something that is not its API: is %s a Cordum server? (%w)", r.method, req.URL.Path, c.base, err)
	}
	return nil
}

func (c *client) build(ctx context.Context, r request) (*http.Request, error) {
	body, contentType := r.body, r.contentType
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		reader = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		reader, contentType = bytes.NewReader(raw), "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.url(r.path, r.query).String(), reader)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header = c.header.Clone()
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req, nil
}

// url makes the address of a path below the API's prefix. path is escaped already.
func (c *client) url(path string, query url.Values) *url.URL {
	u := c.base.JoinPath(apiPrefix, path)
	u.RawQuery = query.Encode()
	return u
}

// pathTo joins escaped parts: an id is never a path of its own.
func pathTo(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return strings.Join(escaped, "/")
}

// unreachable says why there was no answer. A deadline and an interrupt stay what they are.
func (c *client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no server at %s; start one with: cordum serve --dev\n"+
			"  or name another with --server or CORDUM_GATEWAY", c.base)
	}
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	return fmt.Errorf("no answer from %s: %w", c.base, err)
}

// problemOf reads a refusal. One that is no problem document comes from something that is no Cordum server.
func problemOf(answer *http.Response, raw []byte) error {
	media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	problem := &gateway.Problem{}
	if media != "application/problem+json" || json.Unmarshal(raw, problem) != nil {
		return fmt.Errorf("%s answered %s, which is not an answer of Cordum's API", answer.Request.URL.Host, answer.Status)
	}
	if problem.Status == 0 {
		problem.Status = answer.StatusCode
	}
	if at := answer.Header.Get("Location"); at != "" {
		problem.Detail = strings.TrimSpace(problem.Detail + " Location: " + at)
	}
	return problem
}
