package audit

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
	"slices"
	"strconv"
	"time"
)

// webhook posts records as {"records": […]}, up to BatchRecords a call. A call is named by its first and last record, so that
// one that comes twice is known; with a secret it is signed as Standard Webhooks has it: webhook-signature is "v1," and the
// base64 of HMAC-SHA256 over "ID.TIMESTAMP.BODY".
type webhook struct {
	url    *url.URL
	secret string
	client *http.Client
}

func newWebhook(u *url.URL, secret string) (*webhook, error) {
	if u.User != nil {
		return nil, errors.New("audit: the address of a webhook holds no password; sign with a secret")
	}
	return &webhook{url: u, secret: secret, client: &http.Client{
		Timeout:       SendTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Send implements Sink.
func (w *webhook) Send(ctx context.Context, records []Record) error {
	for batch := range slices.Chunk(records, BatchRecords) {
		var body bytes.Buffer
		enc := json.NewEncoder(&body)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(map[string][]Record{"records": batch}); err != nil {
			return fmt.Errorf("encode audit records: %w", err)
		}
		first, last := batch[0].Hash, batch[len(batch)-1].Hash
		id := fmt.Sprintf("audit_%x_%x", first[:8], last[:8])
		if err := retry(ctx, func() (bool, error) { return w.post(ctx, id, body.Bytes()) }); err != nil {
			return fmt.Errorf("audit webhook %s: %w", w.url.Host, err)
		}
	}
	return nil
}

// post makes one call. What may work later is told to be tried again.
func (w *webhook) post(ctx context.Context, id string, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", at)
	if w.secret != "" {
		req.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(hookMAC(w.secret, id, at, body)))
	}
	res, err := w.client.Do(req)
	if err != nil {
		return ctx.Err() == nil, withoutAddress(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode/100 == 2 {
		return false, nil
	}
	again = res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout
	return again, fmt.Errorf("it answered %s", res.Status)
}

// withoutAddress leaves out the address, which may hold a secret in its path.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func hookMAC(secret, id, at string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(id + "." + at + ".")) // a hash takes everything
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// Close implements Sink.
func (w *webhook) Close() error {
	w.client.CloseIdleConnections()
	return nil
}
