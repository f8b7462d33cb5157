package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

// TestLockCommands takes, shows, prolongs and gives back a lock by commands; its tokens grow, also over a restart.
func TestLockCommands(t *testing.T) {
	dir := t.TempDir()
	s := serveDev(t, dir)
	first := fencingToken(t, s.want(exitOK, "lock", "acquire", "db:main/a", "--ttl", "5m", "--owner", "ann", "-o", "name").out)
	if again := fencingToken(t, s.want(exitOK, "lock", "acquire", "db:main/a", "--owner", "ann", "-o", "name").out); again != first {
		t.Errorf("the same holder has token %d, and had %d", again, first)
	}
	held := s.want(exitError, "lock", "acquire", "db:main/a", "--owner", "bob")
	if !strings.Contains(held.errOut, "lock_held") || !strings.Contains(held.errOut, "ann") {
		t.Errorf("who asks for a held lock reads %q", held.errOut)
	}
	s.want(exitError, "lock", "renew", "db:main/a", "--owner", "bob")
	s.want(exitOK, "lock", "renew", "db:main/a", "--owner", "ann", "--ttl", "10m")
	s.want(exitUsage, "lock", "acquire", "db:main/a", "--ttl", "1ms")
	s.want(exitOK, "lock", "acquire", "reports", "--shared", "--owner", "ann")
	s.want(exitOK, "lock", "acquire", "reports", "--shared", "--owner", "bob")
	s.end()

	s = serveDev(t, dir)
	listed := s.want(exitOK, "lock", "list", "--prefix", "rep").out
	if !strings.Contains(listed, "reports") || strings.Contains(listed, "db:main") {
		t.Errorf("listed:\n%s", listed)
	}
	var lock runner.LockView
	if err := json.Unmarshal([]byte(s.want(exitOK, "lock", "show", "db:main/a", "-o", "json").out), &lock); err != nil {
		t.Fatal(err)
	}
	if len(lock.Holders) != 1 || lock.Holders[0].Holder != "ann" || lock.Holders[0].Token != first {
		t.Errorf("after a restart it is held by %+v", lock.Holders)
	}
	s.want(exitError, "lock", "release", "db:main/a", "--owner", "bob")
	s.want(exitOK, "lock", "release", "db:main/a", "--owner", "ann")
	next := fencingToken(t, s.want(exitOK, "lock", "acquire", "db:main/a", "--owner", "bob", "-o", "name").out)
	if next <= first {
		t.Errorf("the next holder has token %d, the one before had %d", next, first)
	}
}

func fencingToken(t *testing.T, printed string) int64 {
	t.Helper()
	token, err := strconv.ParseInt(strings.TrimSpace(printed), 10, 64)
	if err != nil || token <= 0 {
		t.Fatalf("no fencing token: %q", printed)
	}
	return token
}
