package main

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/redisd"
)

// Cells in which an engine hangs with a commit in its hand, and sends it when another engine has taken its partitions over: only
// that the store compares epochs shuts it out. Where an engine hangs at a point itself, it finds its leases over by its own clock
// before it commits, or meets the logs of its runs longer than it knows them.

// lateCell is one of them.
type lateCell struct{ replicaCell }

func (c lateCell) family() string { return "late commits, Redis" }

// lateCells has each point with a commit behind it that an engine passes while it serves, and shapes in turn.
func lateCells() (cells []lateCell) {
	shapes := matrixShapes()
	for i, point := range []string{runner.CrashDecided, runner.CrashSent, runner.CrashResult, runner.CrashTimer, runner.CrashUndone} {
		cells = append(cells, lateCell{replicaCell{matrixCell{crashPlan{point, 1, crashHangLate}, shapes[i]}}})
	}
	return cells
}

func (c lateCell) play(t *testing.T, lost *atomic.Int64) {
	c.playWith(t, lost, func(d *cellDrive, server *redisd.Server) {
		client := server.Client()
		defer func() { _ = client.Close() }()
		d.hung = func() {
			for until := time.Now().Add(cellMost); !oneOwner(t, client) && time.Now().Before(until); {
				time.Sleep(50 * time.Millisecond) // the pace of the look
			}
		}
		d.oneOfTwoFails()
		var answer string
		d.until("the late commit is answered", func() bool { answer = lateAnswer(d.said()); return answer != "" })
		if !strings.HasPrefix(answer, crashFenced) {
			t.Errorf("a commit of a former owner: %s", answer)
		}
	})
}

// lateAnswer is what a crasher told of a late commit; "" before.
func lateAnswer(said string) string {
	for line := range strings.Lines(said) {
		what, is := strings.CutPrefix(line, "crash: ")
		if is && (strings.HasPrefix(what, crashFenced) || strings.HasPrefix(what, crashPassed)) {
			return what
		}
	}
	return ""
}

// oneOwner tells whether all partitions of a store are one process's.
func oneOwner(t *testing.T, c *goredis.Client) bool {
	heads, err := c.Keys(t.Context(), "*:head").Result()
	if err != nil || len(heads) == 0 {
		return false
	}
	owners := make([]string, len(heads))
	for i, head := range heads {
		owners[i] = c.HGet(t.Context(), head, "owner").Val()
	}
	slices.Sort(owners)
	return owners[0] != "" && owners[0] == owners[len(owners)-1]
}
