package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// crashStartMost is how long a server may take to start.
const crashStartMost = 60 * time.Second

// crashHost is a folder with a store, and the server process that works in it, one after another. It is used by one goroutine.
type crashHost struct {
	binary string
	dir    string
	secret string
	http   string // where the server is, once the first was ready; the others come back there
	nats   string

	cmd     *exec.Cmd // nil: none runs
	gone    chan struct{}
	orders  *os.File
	replies *os.File
	answers *json.Decoder
}

// newCrashHost makes the folder.
func newCrashHost() (*crashHost, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "cordum-crashtest-")
	if err != nil {
		return nil, err
	}
	var secret [crashSecretSize / 2]byte
	_, _ = rand.Read(secret[:]) // never fails
	h := &crashHost{binary: binary, dir: dir, secret: hex.EncodeToString(secret[:])}
	return h, os.WriteFile(filepath.Join(dir, crashSecretFile), []byte(h.secret), 0o600)
}

// empty kills the server and forgets its store.
func (h *crashHost) empty() error {
	h.kill()
	return os.RemoveAll(filepath.Join(h.dir, crashDataName))
}

// close kills the server and removes the folder.
func (h *crashHost) close() {
	h.kill()
	_ = os.RemoveAll(h.dir) // a temporary folder
}

// start starts a server that fails nowhere, and answers when it takes work.
func (h *crashHost) start(ctx context.Context) error {
	ordersIn, orders, err := os.Pipe()
	if err != nil {
		return err
	}
	replies, repliesOut, err := os.Pipe()
	if err != nil {
		return errors.Join(err, ordersIn.Close(), orders.Close())
	}
	var said strings.Builder
	cmd := exec.Command(h.binary, crashServerName)
	cmd.Env = []string{"HOME=" + h.dir, "TMPDIR=" + os.TempDir()} // nothing of the caller's settings
	cmd.Dir, cmd.Stderr, cmd.ExtraFiles = h.dir, &said, []*os.File{ordersIn, repliesOut}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the parent
	err = cmd.Start()
	_, _ = ordersIn.Close(), repliesOut.Close()
	h.orders, h.replies, h.answers = orders, replies, json.NewDecoder(replies)
	if err != nil {
		h.hangUp()
		return fmt.Errorf("start a server: %w", err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	h.cmd, h.gone = cmd, gone
	hello := crashHello{Secret: h.secret, Dir: h.dir, HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0"}
	if h.http != "" {
		hello.HTTP, hello.NATS = strings.TrimPrefix(h.http, "http://"), strings.TrimPrefix(h.nats, "nats://")
	}
	answer, err := h.ask(ctx, hello, crashStartMost)
	if err != nil {
		h.kill()
		return fmt.Errorf("start a server: %w\n%s", err, said.String())
	}
	h.http, h.nats = answer.HTTP, answer.NATS
	return nil
}

// order gives the server a plan, the zero one for none, and answers what it has passed since the last.
func (h *crashHost) order(ctx context.Context, p crashPlan) (map[string]int, error) {
	answer, err := h.ask(ctx, crashOrder{Plan: &p}, crashStartMost)
	return answer.Passed, err
}

// ask sends one line and waits for its answer.
func (h *crashHost) ask(ctx context.Context, line any, most time.Duration) (answer crashReply, err error) {
	defer context.AfterFunc(ctx, func() { _ = h.replies.SetReadDeadline(time.Now()) })()
	if err := h.replies.SetReadDeadline(time.Now().Add(most)); err != nil {
		return answer, err
	}
	if err := json.NewEncoder(h.orders).Encode(line); err != nil {
		return answer, err
	}
	return answer, h.answers.Decode(&answer)
}

// alive tells whether the server's process still runs.
func (h *crashHost) alive() bool {
	if h.cmd == nil {
		return false
	}
	select {
	case <-h.gone:
		return false
	default:
		return true
	}
}

// kill ends the server as by kill -9, if there is one.
func (h *crashHost) kill() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Kill() // it may be gone already
	<-h.gone
	h.cmd = nil
	h.hangUp()
}

func (h *crashHost) hangUp() {
	_, _ = h.orders.Close(), h.replies.Close() // pipes of ours
}
