package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/gateway"
)

// healthTimeout is the wait for a server that is asked how it is, unless --timeout says another one.
const healthTimeout = 5 * time.Second

func newHealth(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Say whether a server can do its part, by the exit code too",
		Long: "Asks a server, of whatever role, whether it can do its part: the exit code is 0 if it says so, and 1 if not, or if it does\n" +
			"not answer. It is what a container without a shell has for a health check, and needs no API key.",
		Example: "  cordum health\n  cordum health --server http://127.0.0.1:8081",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			c, err := a.client()
			if err != nil {
				return err
			}
			err = c.ready(ctx)
			if errors.Is(err, context.DeadlineExceeded) && cmd.Context().Err() == nil {
				return fmt.Errorf("no answer from %s within %v", c.base, healthTimeout)
			}
			if err != nil {
				return err
			}
			if a.flags.output != "table" && a.flags.output != "name" {
				return a.encode(a.printer(), map[string]any{"server": c.base.String(), "ready": true})
			}
			return a.printer().line("ready")
		},
	}
}

// ready is nil when the server says that it can do its part.
func (c *client) ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("/readyz").String(), nil)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	var problem gateway.Problem
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil || json.Unmarshal(raw, &problem) != nil {
		return fmt.Errorf("%s answered %s", c.base, answer.Status)
	}
	var missing []string
	for _, e := range problem.Errors {
		missing = append(missing, fmt.Sprintf("%s: %s", e.Location, e.Message))
	}
	if len(missing) == 0 {
		missing = []string{problem.Detail}
	}
	return fmt.Errorf("%s is not ready: %s", c.base, strings.Join(missing, "; "))
}
