package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// A server that dies where it is told is a child of `cordum workflow crashtest`, and nothing else: it is not `serve`, reads no
// setting, no variable and no argument, listens on loopback, and works only in a folder that its parent made for this and that
// says the same secret as the parent does over two inherited pipes. A store of anybody else can never be opened that way.

// crashServerName is the hidden command. Its parent gives it the pipes as the descriptors behind stderr.
const (
	crashServerName = "crashtest-server"
	crashOrdersFD   = 3
	crashRepliesFD  = 4
	// crashSecretFile is in the folder; the store is in the folder crashDataName beside it. crashSecretSize is in bytes, as hex.
	crashSecretFile = "crashtest.secret"
	crashDataName   = "data"
	crashSecretSize = 64
)

// crashHello is the first line over the pipe.
type crashHello struct {
	Secret string `json:"secret"`
	Dir    string `json:"dir"`
	HTTP   string `json:"http"` // where to listen
	NATS   string `json:"nats"`
}

// crashOrder is each further line: a plan, or the wish to know what was passed since the last one.
type crashOrder struct {
	Plan *crashPlan `json:"plan,omitempty"`
}

// crashReply answers each line.
type crashReply struct {
	HTTP   string         `json:"http,omitempty"` // of the first, when the server takes work
	NATS   string         `json:"nats,omitempty"`
	Passed map[string]int `json:"passed,omitempty"` // how often each point was passed since the last plan
}

func newCrashServer(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    crashServerName,
		Hidden: true,
		Short:  "What cordum workflow crashtest starts; of no use by itself",
		Args:   wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			orders, replies := os.NewFile(crashOrdersFD, "orders"), os.NewFile(crashRepliesFD, "replies")
			if !isPipe(orders) || !isPipe(replies) {
				return usagef("%s is started by `cordum workflow crashtest` only", crashServerName)
			}
			return crashServe(cmd.Context(), a, orders, replies)
		},
	}
}

func isPipe(f *os.File) bool {
	if f == nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

// check tells whether the folder was made by whoever speaks.
func (h *crashHello) check() error {
	secret, err := os.ReadFile(filepath.Join(h.Dir, crashSecretFile))
	if err != nil {
		return err
	}
	if len(secret) != crashSecretSize || subtle.ConstantTimeCompare(secret, []byte(h.Secret)) != 1 {
		return errors.New("the folder was not made for this")
	}
	return nil
}

// crashServe runs the server until it dies, or its parent is gone.
func crashServe(ctx context.Context, a *app, orders io.Reader, replies io.Writer) error {
	in, out := json.NewDecoder(orders), json.NewEncoder(replies)
	var hello crashHello
	if err := in.Decode(&hello); err != nil {
		return fmt.Errorf("%s: %w", crashServerName, err)
	}
	if err := hello.check(); err != nil {
		return fmt.Errorf("%s: %w", crashServerName, err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cfg := defaultServeConfig()
	cfg.Dev, cfg.Addr, cfg.NATSAddr, cfg.DataDir = true, hello.HTTP, hello.NATS, filepath.Join(hello.Dir, crashDataName)
	cfg.crash, cfg.stubs, cfg.LogLevel = &crasher{}, true, slog.LevelError
	s, err := build(ctx, cfg, newLog(a, cfg))
	if err != nil {
		return err
	}
	return s.run(ctx, func() {
		if out.Encode(crashReply{HTTP: s.httpURL(), NATS: s.natsURL()}) != nil {
			stop()
			return
		}
		go func() {
			defer stop() // the parent is gone
			cfg.crash.obey(in, out)
		}()
	})
}

// obey takes orders until there are none any more.
func (c *crasher) obey(in *json.Decoder, out *json.Encoder) {
	for {
		var o crashOrder
		if in.Decode(&o) != nil {
			return
		}
		reply := crashReply{Passed: c.counts()}
		if o.Plan != nil {
			if o.Plan.Point != "" && o.Plan.check() != nil {
				return
			}
			c.order(*o.Plan)
		}
		if out.Encode(reply) != nil {
			return
		}
	}
}
