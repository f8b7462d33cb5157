package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// DefaultURL is where a server listens unless told otherwise.
	DefaultURL = "http://127.0.0.1:8081"

	// maxAnswer is how many bytes of a decoded answer are read; more is an error. The largest are pages of runs with their
	// outputs.
	maxAnswer = 256 << 20
	// maxProblem is how many bytes are read of an answer that is no success.
	maxProblem = 1 << 20
)

// Config says which server is asked, and who asks.
type Config struct {
	// URL of the server. Default DefaultURL.
	URL string
	// Key is an API key, sent as X-API-Key. Default: none, which a server in development mode takes.
	Key string
	// Tenant is sent as X-Tenant-ID. Default: the key's.
	Tenant string
	// HTTP sends the requests; it stays the caller's. Default http.DefaultClient, which sets no time limit: the context of a
	// call does.
	HTTP *http.Client
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	base string // without a slash at its end
	head http.Header
	http *http.Client
}

// New makes a client. Nobody is called; an error says what is wrong with the configuration.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cmp.Or(cfg.URL, DefaultURL))
	if err != nil {
		return nil, fmt.Errorf("api: URL: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("api: URL %q: write it as %s", base.Redacted(), DefaultURL)
	}
	head := http.Header{}
	for name, value := range map[string]string{"X-API-Key": cfg.Key, "X-Tenant-ID": cfg.Tenant} {
		if strings.ContainsAny(value, "\r\n\x00") {
			return nil, fmt.Errorf("api: the value for %s has a line break in it", name)
		}
		if value != "" {
			head.Set(name, value)
		}
	}
	return &Client{base: strings.TrimRight(base.String(), "/"), head: head, http: cmp.Or(cfg.HTTP, http.DefaultClient)}, nil
}

// Error is an answer of the server that is no success.
type Error struct {
	// Status is HTTP's.
	Status int
	// Problem is what the server says of it: decide by its Code. Code is empty when the answer was none of the API's, such as a
	// proxy's.
	Problem Problem
	// RetryAfter is how long the server asks to wait before the next request; 0 when it did not say.
	RetryAfter time.Duration
}

// Error says the code, the kind of problem and what was wrong this time.
func (e *Error) Error() string {
	if e.Problem.Code == "" {
		return fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	}
	text := e.Problem.Code + ": " + e.Problem.Title
	if e.Problem.Detail != nil {
		text += ": " + *e.Problem.Detail
	}
	return text
}

// Code is the code of a server's refusal, by which a program decides ("not_found"); empty when err is none, or has no code.
func Code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Problem.Code
	}
	return ""
}

// do sends a request. The caller closes the body that it gets.
func (c *Client) do(ctx context.Context, r *request) (io.ReadCloser, error) {
	req, err := r.build(ctx, c.base)
	if err != nil {
		return nil, err
	}
	for name, values := range c.head {
		req.Header[name] = values
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err) // it names method and address
	}
	if res.StatusCode < 200 || res.StatusCode >= 300 {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res.Body, nil
}

// refusal reads an answer that is no success.
func refusal(res *http.Response) *Error {
	e := &Error{Status: res.StatusCode}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	if err != nil || json.Unmarshal(raw, &e.Problem) != nil || e.Problem.Title == "" {
		e.Problem = Problem{}
	}
	return e
}

// decoded reads an answer as JSON.
func decoded[T any](body io.ReadCloser, err error) (T, error) {
	var answer T
	if err != nil {
		return answer, err
	}
	defer body.Close()
	limited := &io.LimitedReader{R: body, N: maxAnswer + 1}
	d := json.NewDecoder(limited)
	d.UseNumber()
	err = d.Decode(&answer)
	switch {
	case limited.N <= 0:
		return answer, fmt.Errorf("api: the answer has more than %d bytes", maxAnswer)
	case err != nil:
		return answer, fmt.Errorf("api: the answer is not as the description says: %w", err)
	}
	_, _ = io.Copy(io.Discard, limited) // so that the connection is used again
	return answer, nil
}

// closed is for answers without a body.
func closed(body io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	return body.Close()
}
