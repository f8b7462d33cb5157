//go:build unix

package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	sdk "cordum.dev/cordum/sdk/go"
	"cordum.dev/cordum/sdk/go/exec"
)

// Variables that say how a worker connects; they are not handed on to what it runs.
const (
	workerURLEnv        = "NATS_URL"
	workerCredentialEnv = "CORDUM_WORKER_CREDENTIAL" //nolint:gosec // the variable's name
	workerTokenEnv      = "CORDUM_WORKER_TOKEN"      //nolint:gosec // as above
)

func newWorkerExec(a *app) *cobra.Command {
	var file, url, id string
	var check bool
	cmd := &cobra.Command{
		Use:   "exec --config FILE",
		Short: "Run a worker that runs listed commands",
		Long: "Runs a worker whose tools are the commands that its configuration lists: no shell, each value one argument, with timeouts,\n" +
			"limits on output, a list of the variables that a command sees, and the effect that each command has. Interrupt it once to\n" +
			"let what runs finish. It connects to --url or " + workerURLEnv + ", with the credential in " + workerCredentialEnv + " or the shared token in\n" +
			workerTokenEnv + ". See docs/worker-exec.md.",
		Example: "  cordum worker exec --config exec.yaml --check\n  cordum worker exec --config exec.yaml --url nats://localhost:4222",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("--config is missing: %s", cmd.UseLine())
			}
			c, err := readExecConfig(file)
			if err != nil {
				return err
			}
			base := sdk.WorkerConfig{
				URL: url, ID: id, Credential: os.Getenv(workerCredentialEnv), Token: os.Getenv(workerTokenEnv),
				Logger: slog.New(slog.NewTextHandler(a.errOut, nil)),
			}
			if base.Credential != "" {
				base.Token = ""
			}
			if base.URL == "" {
				base.URL = os.Getenv(workerURLEnv)
			}
			base.Redact = append(base.Redact, base.Credential, base.Token)
			w, err := exec.NewWorker(c, base)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if check {
				fmt.Fprintf(a.out, "%s: can be run: %s\n", file, clipText(strings.Join(c.Topics(), " "), 200))
				return nil
			}
			fmt.Fprintf(a.errOut, "worker %s serves %s\n", w.ID(), clipText(strings.Join(c.Topics(), " "), 200))
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return w.Run(ctx)
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "the worker's configuration, YAML or JSON")
	f.StringVar(&url, "url", "", "where the server's bus is (default "+workerURLEnv+", or nats://127.0.0.1:4222)")
	f.StringVar(&id, "id", "", "the worker's id, unless the configuration says one")
	f.BoolVar(&check, "check", false, "check the configuration and the programs, and run nothing")
	return cmd
}

// maxExecConfig is how much of a configuration is read; the reader of it refuses less.
const maxExecConfig = 2 << 20

func readExecConfig(path string) (*exec.Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode()&0o002 != 0 {
		return nil, fmt.Errorf("%s says what is run, and everybody can change it: chmod o-w %s", path, path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxExecConfig))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	c, err := exec.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
