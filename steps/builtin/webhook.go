package builtin

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/sdk/go"
)

// poster sends JSON to one address that the operator configured.
type poster struct {
	channel string
	url     string
	client  *http.Client
}

func newPoster(name, address string, g *guard) (*poster, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, fmt.Errorf("the address of the channel %s is not written as https://host/path", name) // it may be a secret
	}
	if u.User != nil {
		return nil, fmt.Errorf("the address of the channel %s holds a user or a password, which is not supported", name)
	}
	client := g.trusting(u.Hostname(), portOf(u)).client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &poster{name, u.String(), client}, nil
}

func portOf(u *url.URL) uint16 {
	fallback := uint64(80)
	if u.Scheme == "https" {
		fallback = 443
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	return uint16(fallback)
}

// post delivers a body; anything but a 2xx answer is a failure.
func (p *poster) post(ctx context.Context, body []byte, header http.Header) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return undelivered(p.channel, cordum.KindFatal, "its address cannot be called")
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	resp, err := p.client.Do(req)
	if err != nil {
		return lost(ctx, p.channel, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxChannelAnswer)) // what it says does not matter
	switch {
	case resp.StatusCode < http.StatusMultipleChoices:
		return nil
	case resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests:
		return undelivered(p.channel, cordum.KindRetryable, fmt.Sprintf("it answered with status %d", resp.StatusCode))
	}
	return undelivered(p.channel, cordum.KindFatal, fmt.Sprintf("it answered with status %d", resp.StatusCode))
}

func undelivered(name string, kind cordum.Kind, why string) error {
	return &cordum.Error{Kind: kind, Code: CodeNotDelivered, Err: fmt.Errorf("the channel %s did not take the message: %s", name, why)}
}

// lost is the failure of a connection to a channel. A message twice is better than none: it is tried again.
func lost(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	if denied, ok := isDenied(err); ok {
		return cordum.Fatal(CodeEgressDenied, fmt.Errorf("the channel %s: %s", name, denied.why))
	}
	return undelivered(name, cordum.KindRetryable, plainly(err))
}

// webhook posts {text, level, run_id, step}, signed as https://www.standardwebhooks.com says when there is a secret.
type webhook struct {
	*poster
	secret []byte
	now    func() time.Time
}

// posted is the body of a webhook.
type posted struct {
	Text  string `json:"text"`
	Level string `json:"level"`
	RunID string `json:"run_id"`
	Step  string `json:"step"`
}

// secretPrefix begins a webhook's secret.
const secretPrefix = "whsec_"

func newWebhook(address, secret string, g *guard, now func() time.Time) (*webhook, error) {
	p, err := newPoster(ChannelWebhook, address, g)
	if err != nil {
		return nil, err
	}
	w := &webhook{poster: p, now: now}
	if secret == "" {
		return w, nil
	}
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	w.secret, err = base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(w.secret) < 24 || len(w.secret) > 64 { // the bounds of the specification
		return nil, fmt.Errorf("the secret of the channel webhook is %s and 24 to 64 bytes in base64", secretPrefix)
	}
	return w, nil
}

// deliver implements channel.
func (w *webhook) deliver(ctx context.Context, m message) error {
	content := m.body
	if content == nil {
		content = posted{m.text, strings.ToLower(m.level.String()), m.job.RunID, m.job.StepID}
	}
	body, err := json.Marshal(content)
	if err != nil {
		return undelivered(w.channel, cordum.KindFatal, "the message cannot be encoded")
	}
	header := http.Header{}
	// The id is the job's: the receiver can tell a message that comes twice.
	stamp := strconv.FormatInt(w.now().Unix(), 10)
	header.Set("webhook-id", m.job.Key)
	header.Set("webhook-timestamp", stamp)
	if len(w.secret) > 0 {
		header.Set("webhook-signature", sign(w.secret, m.job.Key, stamp, body))
	}
	return w.post(ctx, body, header)
}

// sign is the signature of one message, version 1.
func sign(secret []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
