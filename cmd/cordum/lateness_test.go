package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// TestOnlyTimeoutIsATimeout: 124 and its words are for --timeout; every other deadline is an error that says its own.
func TestOnlyTimeoutIsATimeout(t *testing.T) {
	late := fmt.Errorf("ask the store: %w", context.DeadlineExceeded)
	for name, c := range map[string]struct {
		app  app
		code int
		want string
	}{
		"of its own":          {app{}, exitError, "ask the store"},
		"of its own, in time": {app{expired: func() bool { return false }}, exitError, "ask the store"},
		"local":               {app{expired: func() bool { return true }}, exitTimeout, "given up"},
		"asked":               {app{expired: func() bool { return true }, asked: true}, exitTimeout, "goes on"},
	} {
		err := c.app.lateness(late)
		if text := renderError(err); exitCode(err) != c.code || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d, %s", name, exitCode(err), text)
		}
	}
	if err := (&app{}).lateness(context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt became %v", err)
	}
}

// deaf listens and never says a word.
func deaf(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestDeafServers: who asked and was not answered reads whom, and what may be wrong with the address.
func TestDeafServers(t *testing.T) {
	t.Parallel()
	at := deaf(t)
	if r := cordum(t.Context(), "", nil, "health", "--server", "http://"+at); r.code != exitError || !strings.Contains(r.errOut, at) {
		t.Errorf("health: %d %s", r.code, r.errOut)
	}
	r := cordum(t.Context(), "", nil, "store", "dump", "x", "--store", "rediss://"+at)
	if r.code != exitError || !strings.Contains(r.errOut, at) || !strings.Contains(r.errOut, "TLS") {
		t.Errorf("rediss: %d %s", r.code, r.errOut)
	}
}

// TestRefenceOfTheFuture: a copy was made before now.
func TestRefenceOfTheFuture(t *testing.T) {
	taken := time.Now().Add(time.Hour).Format(time.RFC3339)
	r := cordum(t.Context(), "", nil, "store", "refence", "--store", "redis://127.0.0.1:1", "--taken", taken, "--reason", "x")
	if r.code != exitUsage || !strings.Contains(r.errOut, "future") {
		t.Errorf("%d %s", r.code, r.errOut)
	}
}
