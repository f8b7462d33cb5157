package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHealth: the exit code is the answer, and what is missing is said.
func TestHealth(t *testing.T) {
	answers := map[string]struct {
		status int
		body   string
		code   int
		want   string
	}{
		"ready": {http.StatusOK, `{"status":"ok"}`, exitOK, "ready"},
		"part": {
			http.StatusServiceUnavailable, `{"status":503,"code":"unavailable","errors":[{"location":"engine","message":"partition 7 is not owned"}]}`,
			exitError, "engine: partition 7 is not owned",
		},
		"plain":    {http.StatusServiceUnavailable, `{"status":503,"code":"unavailable","detail":"it stops"}`, exitError, "it stops"},
		"stranger": {http.StatusBadGateway, `<html>`, exitError, "502"},
	}
	for name, c := range answers {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" {
				t.Errorf("%s was asked", r.URL.Path)
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		r := cordum(t.Context(), "", nil, "health", "--server", s.URL)
		s.Close()
		if r.code != c.code || !strings.Contains(r.out+r.errOut, c.want) {
			t.Errorf("%s: exit code %d: %s%s", name, r.code, r.out, r.errOut)
		}
		if r := cordum(t.Context(), "", nil, "health", "--server", s.URL); r.code == exitOK {
			t.Errorf("%s: nobody listens, and it is healthy", name)
		}
	}
}
