package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
)

// Content is a base as it was read.
type Content struct {
	Text      []byte
	Signature string // base64 or hex, over Text; "" none
}

// digest names a content, with its signature.
func (c *Content) digest() string {
	return digestOf(slices.Concat(c.Text, []byte{0}, []byte(c.Signature)))
}

// Source is where the base is read. Read is called by one goroutine at a time. An error keeps what is in force.
type Source interface {
	Name() string
	Read(ctx context.Context, maxBytes int) (*Content, error)
}

// File is a base in a file.
type File struct {
	Path string
	// Signature is over the file, as base64 or hex; SignaturePath is a file with it, as text or as bytes. Default of both:
	// Path with .sig behind it, if there is such a file.
	Signature, SignaturePath string
}

// Name is the path.
func (f File) Name() string { return f.Path }

// Read reads the file and its signature.
func (f File) Read(_ context.Context, maxBytes int) (*Content, error) {
	text, err := readFile(f.Path, maxBytes)
	if err != nil {
		return nil, err
	}
	c := &Content{Text: text, Signature: f.Signature}
	path := f.SignaturePath
	switch {
	case c.Signature != "":
		return c, nil
	case path == "":
		if path = f.Path + ".sig"; !isThere(path) {
			return c, nil
		}
	}
	raw, err := readFile(path, MaxSignature)
	if err != nil {
		return nil, err
	}
	c.Signature = signatureText(raw)
	return c, nil
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// readFile reads a file of at most so many bytes.
func readFile(path string, maxBytes int) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	defer file.Close()
	return readAll(file, path, maxBytes)
}

func readAll(from io.Reader, name string, maxBytes int) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(from, int64(maxBytes)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case len(raw) > maxBytes:
		return nil, fmt.Errorf("%w: %s has more than %d bytes (SAFETY_POLICY_MAX_BYTES)", ErrTooLarge, name, maxBytes)
	}
	return raw, nil
}

// URL is a base that is fetched.
type URL struct {
	Address *url.URL // http or https
	// Signature is over what is answered, as base64 or hex. Default: what the address with .sig behind its path answers, if
	// it does.
	Signature string
	// Client fetches. Default: one that follows no redirect to another host and waits fetchTimeout at most.
	Client *http.Client
}

// Name is the address without what may be secret in it.
func (u URL) Name() string {
	shown := *u.Address
	shown.User, shown.RawQuery, shown.Fragment = nil, "", ""
	return shown.String()
}

// Read fetches the policy and its signature.
func (u URL) Read(ctx context.Context, maxBytes int) (*Content, error) {
	text, _, err := u.fetch(ctx, u.Address, maxBytes)
	if err != nil {
		return nil, err
	}
	c := &Content{Text: text, Signature: u.Signature}
	if c.Signature != "" {
		return c, nil
	}
	beside := *u.Address
	beside.Path, beside.RawPath = beside.Path+".sig", ""
	raw, status, err := u.fetch(ctx, &beside, MaxSignature)
	switch {
	case status == http.StatusNotFound:
		return c, nil
	case err != nil:
		return nil, err
	}
	c.Signature = signatureText(raw)
	return c, nil
}

func (u URL) fetch(ctx context.Context, from *url.URL, maxBytes int) (body []byte, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch the policy: %w", err)
	}
	client := u.Client
	if client == nil {
		client = &http.Client{Timeout: fetchTimeout, CheckRedirect: sameHost}
	}
	answer, err := client.Do(req)
	if err != nil {
		var failed *url.Error // its text has the whole address
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, 0, fmt.Errorf("fetch the policy from %s: %w", u.Name(), err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, answer.StatusCode, fmt.Errorf("fetch the policy from %s: it answered %s", u.Name(), answer.Status)
	}
	body, err = readAll(answer.Body, u.Name(), maxBytes)
	return body, answer.StatusCode, err
}

// sameHost keeps a fetch with the host, and the encryption, that the operator named.
func sameHost(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme || len(before) > 5 {
		return errors.New("it redirects elsewhere; name the address where it ends")
	}
	return nil
}
