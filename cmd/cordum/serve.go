package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newServe(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Runs the server: the API, the page, the engine with its store, and NATS for workers: by default all in this one\n" +
			"process and its data folder. With REDIS_URL (or --store) the store is in Redis, with NATS_URL the bus is elsewhere; then --roles\n" +
			"makes it one of several processes.\n\n" +
			"--dev asks for no keys, listens on this machine only and keeps its data under ./.cordum. Without it, API keys and\n" +
			"credentials for workers are needed.\n\n" +
			"Every setting is a flag, a variable (named in parentheses) and a key of the file given by --config, written with _\n" +
			"for -. A flag wins over a variable, a variable over the file. Secrets have no flag, as other users of the machine see\n" +
			"arguments: set CORDUM_API_KEY or CORDUM_API_KEYS, CORDUM_WORKER_PASSWORD, CORDUM_WORKER_TOKEN, or the keys api_keys,\n" +
			"worker_password, worker_token of the file. Likewise CORDUM_NOTIFY_WEBHOOK_URL, CORDUM_NOTIFY_WEBHOOK_SECRET,\n" +
			"CORDUM_NOTIFY_SLACK_URL and CORDUM_NOTIFY_SMTP_URL, where notifications go.\n\n" +
			"SIGTERM or Ctrl-C: nothing new is taken, what is under way is committed or given to other processes, and it ends, within\n" +
			"--drain-timeout and with exit code 0; with 1 when something had to be cut off. A second one ends it at once. Nothing that was\n" +
			"acknowledged is lost in any case.",
		Example: "  cordum serve --dev\n  cordum serve --dev --addr 127.0.0.1:9000 --data-dir /tmp/cordum\n" +
			"  CORDUM_API_KEY=$(openssl rand -hex 32) CORDUM_WORKER_TOKEN=$(openssl rand -hex 32) cordum serve --policy policy.yaml",
		Args: wantArgs(),
	}
	src := addSettings(cmd.Flags(), serveSettings())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, warnings, err := src.load(a)
		if err != nil {
			return err
		}
		if why := cfg.refuse(a); len(why) > 0 {
			return &coded{exitUsage, fmt.Errorf("%s%w", oneLinePer(why), silently(errRefused))}
		}
		return serve(cmd.Context(), a, cfg, warnings)
	}
	return cmd
}

// silently marks an error without adding words.
func silently(err error) error { return wordless{err} }

type wordless struct{ error }

func (wordless) Error() string   { return "" }
func (w wordless) Unwrap() error { return w.error }

// serve builds the server, says where it is, and runs it until ctx ends.
func serve(ctx context.Context, a *app, cfg serveConfig, warnings []string) error {
	log := newLog(a, cfg)
	slog.SetDefault(log)
	for _, warning := range warnings {
		log.Warn(warning)
	}
	if cfg.Dev && len(cfg.APIKeys) > 0 {
		log.Warn("API keys have no effect with --dev: nobody is asked for one")
		cfg.APIKeys = nil
	}
	tuneMemory(a, cfg.has(roleEngine) && !cfg.Store.external())
	crash, err := orderedCrash()
	if err != nil {
		return err
	}
	if crash != nil {
		cfg.crash = crash
	}
	s, err := build(ctx, cfg, log)
	if err != nil {
		return err
	}
	ready := func() {
		s.announce(a.out)
		log.Info("serving", "version", versionName(), "mode", s.mode(), "roles", s.cfg.Roles, "http", s.httpURL(), "nats", s.natsURL(),
			"data", s.cfg.DataDir, "store", s.storeName(), "policy", s.policyName)
		debug.FreeOSMemory() // what only starting needed
	}
	defer context.AfterFunc(ctx, func() {
		log.Info("stopping: nothing new is taken, what is under way is committed or given to others", "drain_timeout", cfg.Drain)
	})()
	if err := s.drain.within(ctx, cfg.Drain, func() error { return s.run(ctx, ready) }); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

func newLog(a *app, cfg serveConfig) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "text" || (cfg.LogFormat == "auto" && a.errTTY) {
		return slog.New(slog.NewTextHandler(a.errOut, options))
	}
	return slog.New(slog.NewJSONHandler(a.errOut, options))
}

// announce tells a person where everything is and what to try.
func (s *server) announce(w io.Writer) {
	if len(s.cfg.Roles) == 1 {
		s.announceRole(w)
		return
	}
	var b strings.Builder
	title := "Cordum " + versionName()
	if s.cfg.Dev {
		title += ", development mode: no keys, this machine only"
	}
	page := s.httpURL()
	dir, err := filepath.Abs(s.cfg.DataDir)
	if err != nil {
		dir = s.cfg.DataDir
	}
	fmt.Fprintf(&b, "%s\n\n  page     %s/\n  API      %s/api/v1 (described at %s/openapi.yaml)\n  workers  %s\n", title, page, page, page, s.natsURL())
	if at := s.pointersURL(); at != "" {
		fmt.Fprintf(&b, "  pointers %s\n", at)
	}
	fmt.Fprintf(&b, "  store    %s\n  data     %s\n\n", s.cfg.Store.title(), dir)
	fmt.Fprintf(&b, "Next, in another terminal:\n\n  %s %sworkflow run --file %s --wait\n\nCtrl-C stops the server.\n",
		os.Args[0], s.serverFlag(), sampleWorkflow())
	_, _ = io.WriteString(w, b.String()) // a banner that nobody can read is no reason to stop
}

// sampleWorkflow is a definition that the reader of the banner has: the example's, from a checkout.
func sampleWorkflow() string {
	const example = "examples/migration/workflow.json"
	if _, err := os.Stat(example); err == nil {
		return example
	}
	return "YOUR-WORKFLOW.yaml"
}

// serverFlag is what the commands need to find this server: nothing when it is at the default place.
func (s *server) serverFlag() string {
	u, err := url.Parse(s.httpURL())
	if err == nil && u.Port() == "8081" {
		return ""
	}
	return "--server " + s.httpURL() + " "
}

// readyPoll is how often the server asks itself whether it can take work, until it can.
const readyPoll = 10 * time.Millisecond
