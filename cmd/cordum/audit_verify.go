package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// againstFlags are what something is checked against.
type againstFlags struct {
	heads []string
	key   string
}

func (f *againstFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.heads, "head", nil, "a signed head that was kept elsewhere; may be given again")
	cmd.Flags().StringVar(&f.key, "public-key", "", "the file with the server's public key: PEM, or its 32 bytes in base64 or hex")
}

func (f *againstFlags) read() (with audit.Against, err error) {
	for _, name := range f.heads {
		head, err := readHead(name)
		if err != nil {
			return with, err
		}
		with.Heads = append(with.Heads, head)
	}
	if f.key == "" {
		return with, nil
	}
	raw, err := os.ReadFile(f.key)
	if err != nil {
		return with, usagef("--public-key: %w", err)
	}
	if with.Key, err = audit.ParsePublicKey(string(raw)); err != nil {
		return with, usagef("--public-key %s: %w", f.key, err)
	}
	return with, nil
}

func readHead(name string) (audit.Head, error) {
	f, err := os.Open(name)
	if err != nil {
		return audit.Head{}, usagef("--head: %w", err)
	}
	defer f.Close()
	head, err := audit.ReadHead(f)
	if err != nil {
		return head, usagef("--head %s: %w", name, err)
	}
	return head, nil
}

func newAuditVerify(a *app) *cobra.Command {
	var against againstFlags
	var at storeFlags
	var logs bool
	cmd := &cobra.Command{
		Use:   "verify [FILE | --data-dir DIR | --store REDIS]",
		Short: "Find out whether the audit log is what was recorded",
		Long: "Follows every chain of an export, or of a copy of a server's data folder or of a store in Redis that no server uses, without a server. With an earlier signed head\n" +
			"it finds records that were edited, deleted, inserted, reordered, moved to another tenant or cut off at the end, and\n" +
			"chains that were written anew; without one it says what it cannot tell. --logs also compares each record with the fact\n" +
			"of the run's log, and each fact that is an act with its record.\n\n" +
			"With none of FILE, --data-dir and --store the server is asked for its own word. What is found ends with exit code 9.",
		Example: "  cordum audit verify audit.jsonl --head head.json --public-key audit.pub\n" +
			"  cordum audit verify --data-dir /backup/cordum --head head.json --public-key audit.pub --logs",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%q is too much: %s", args[1], cmd.UseLine())
			}
			store := cmd.Flags().Changed("store") || at.dir != ""
			if len(args) == 1 && store || logs && !store {
				return usagef("give one of FILE, --data-dir and --store; --logs goes with --data-dir and --store")
			}
			with, err := against.read()
			if err != nil {
				return err
			}
			switch {
			case store:
				return a.verifyStore(cmd.Context(), &at, with, logs)
			case len(args) == 1:
				return a.verifyFile(cmd.Context(), args[0], with)
			case len(with.Heads) > 0 || with.Key != nil:
				return usagef("--head and --public-key go with FILE, --data-dir or --store: the server checks against its own")
			}
			return a.verifyServer(cmd.Context())
		},
	}
	against.add(cmd)
	at.add(cmd, "", "a copy of a server's data folder; nothing in it is changed")
	cmd.Flags().BoolVar(&logs, "logs", false, "also compare the records with the runs' logs; reads everything")
	return cmd
}

// verifyServer asks the server.
func (a *app) verifyServer(ctx context.Context) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var d doc[runner.AuditReport]
	if err := c.get(ctx, "audit/verify", nil, &d); err != nil {
		return err
	}
	return a.showAuditReport(d.V)
}

// verifyFile checks an export.
func (a *app) verifyFile(ctx context.Context, name string, with audit.Against) error {
	src, err := audit.NewFileSource(func() (io.ReadCloser, error) { return os.Open(name) })
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("there is no file %s", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	report, err := audit.Verify(ctx, src, with)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return a.showAuditReport(report)
}

// verifyStore checks a store that nobody uses, which is not changed.
func (a *app) verifyStore(ctx context.Context, at *storeFlags, with audit.Against, logs bool) error {
	s, err := at.open(ctx, a, true)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w; or ask the server: leave --data-dir and --store out", err)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	report, err := audit.Verify(ctx, audit.StoreSource{Reader: s, ID: s.ID()}, with)
	if err != nil {
		return err
	}
	if logs {
		err = runner.CompareLogs(ctx, s, func(m runner.LogMismatch) {
			report.OK = false
			report.Findings = append(report.Findings, audit.Finding{
				Kind: "log", Chain: audit.Chain{Tenant: m.Tenant}, Says: fmt.Sprintf("run %s, fact %d: %s", m.Run, m.Seq, m.Says),
			})
		})
	}
	return errors.Join(err, a.showAuditReport(report))
}

// showReport prints what a check found, and ends with its code.
func (a *app) showAuditReport(r audit.Report) error {
	p := a.printer()
	if a.flags.output != "table" && a.flags.output != "name" {
		if err := a.encode(p, r); err != nil {
			return err
		}
		return verdict(r.OK)
	}
	for _, f := range r.Findings {
		_ = p.line(p.paint(oneLine(f.String()), bad)) // kept in p.err
	}
	if r.More > 0 {
		_ = p.line(fmt.Sprintf("and %d more findings", r.More)) // as above
	}
	for _, d := range r.Doubts {
		_ = p.line("not proven: " + oneLine(d)) // as above
	}
	span := ""
	if r.From != nil {
		span = fmt.Sprintf(", from %s to %s", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	}
	_ = p.line(fmt.Sprintf("%d records in %d chains%s; %d of them are proven by %s",
		r.Records, r.Chains, span, r.Proven, counted(r.Heads, "signed head", "signed heads"))) // as above
	if r.OK {
		_ = p.line(p.paint("nothing was changed that can be told", good)) // as above
	}
	return errors.Join(p.err, verdict(r.OK))
}

func verdict(ok bool) error {
	if ok {
		return nil
	}
	return silent(exitTampered)
}
