package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cordum.dev/cordum/internal/yamlx"
)

// app is one invocation: where it reads and writes, its environment, and the global flags.
type app struct {
	in          io.Reader
	out, errOut io.Writer
	environ     []string
	inTTY       bool // somebody can answer a question
	outTTY      bool
	errTTY      bool

	flags  globalFlags
	parsed bool // flags and arguments were accepted: later errors are no usage errors

	expired func() bool // the time of --timeout is over; nil: it was not given
	asked   bool        // a server may have been told to do something
}

// globalFlags are the flags of every command.
type globalFlags struct {
	server, apiKey, tenant string
	output                 string
	noColor, yes           bool
	reason, idempotencyKey string
	as, role               string
	timeout                time.Duration
}

// processApp is the app of this process.
func processApp() *app {
	return &app{
		in: os.Stdin, out: os.Stdout, errOut: os.Stderr, environ: os.Environ(),
		inTTY: term.IsTerminal(int(os.Stdin.Fd())), outTTY: term.IsTerminal(int(os.Stdout.Fd())),
		errTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
}

// lookup reads an environment variable; empty is the same as absent.
func (a *app) lookup(name string) (string, bool) {
	for i := len(a.environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(a.environ[i], name+"="); ok && value != "" {
			return value, true
		}
	}
	return "", false
}

func (a *app) envOr(name, fallback string) string {
	if value, ok := a.lookup(name); ok {
		return value
	}
	return fallback
}

// execute runs one command line and answers the exit code. It prints the error, once, on stderr.
func execute(ctx context.Context, args []string, a *app) int {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	cmd, err := root.ExecuteContextC(ctx)
	err = a.lateness(err)
	code := exitCode(err)
	if err != nil && !a.parsed && code == exitError {
		code = exitUsage
	}
	if err != nil {
		a.report(cmd, code, err)
	}
	return code
}

// lateness tells the end of --timeout from every other deadline, which is an error like others.
func (a *app) lateness(err error) error {
	switch {
	case !errors.Is(err, context.DeadlineExceeded), exitCode(err) != exitTimeout && exitCode(err) != exitError:
		return err
	case a.expired == nil || !a.expired():
		return errors.New(err.Error())
	case !a.asked:
		return &coded{exitTimeout, fmt.Errorf("timeout: it was given up after %v (--timeout)", a.flags.timeout)}
	}
	return err
}

// report says what went wrong and what to do.
func (a *app) report(cmd *cobra.Command, code int, err error) {
	if text := renderError(err); text != "" {
		fmt.Fprintln(a.errOut, text)
	}
	if code == exitUsage && !errors.Is(err, errRefused) {
		fmt.Fprintf(a.errOut, "see: %s --help\n", cmd.CommandPath())
	}
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "cordum",
		Short: "Run governed workflows",
		Long: "Cordum runs workflows whose steps are done by workers, under policy, with approvals and a full record.\n\n" +
			"Start a server on this machine, with nothing else installed:\n\n  cordum serve --dev\n\n" +
			"then run a workflow and watch it:\n\n  cordum workflow run --file workflow.json --wait\n\n" +
			"Data goes to stdout, progress and errors to stderr. Exit codes:\n\n" + exitHelp(),
		Example:       "  cordum serve --dev\n  cordum workflow run --file workflow.json --wait\n  cordum run list -o json",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkGlobals(cmd); err != nil {
				return err
			}
			if err := cmd.ValidateFlagGroups(); err != nil { // cobra would do it after this, too late to be told apart
				return err
			}
			a.parsed = true
			if a.flags.timeout > 0 && cmd.Name() != "serve" && cmd.Name() != "kernel" {
				return a.limit(cmd)
			}
			return nil
		},
	}
	asGroup(root)
	a.addGlobals(root)
	root.AddCommand(
		newServe(a), newKernel(a), newWorkflow(a), newRun(a), newApproval(a), newHold(a), newDLQ(a), newLock(a), newAuditLog(a), newEvidence(a), newBackup(a), newStore(a), newRetention(a), newKey(a), newJob(a), newPolicy(a), newWorker(a), newTopic(a), newSchema(a), newPool(a), newOpenAPI(a), newHealth(a), newVersion(a), newCrashServer(a))
	return root
}

func (a *app) addGlobals(root *cobra.Command) {
	f := root.PersistentFlags()
	g := &a.flags
	f.StringVar(&g.server, "server", a.envOr("CORDUM_GATEWAY", defaultServer), "address of the server (CORDUM_GATEWAY)")
	f.StringVar(&g.apiKey, "api-key", "", "API key; better set CORDUM_API_KEY, which other users of this machine cannot see")
	f.StringVar(&g.tenant, "tenant", a.envOr("CORDUM_TENANT_ID", ""), "tenant (CORDUM_TENANT_ID)")
	f.StringVarP(&g.output, "output", "o", "table", "how to print: table, json, jsonl, yaml or name")
	f.BoolVar(&g.noColor, "no-color", false, "no colour (also NO_COLOR)")
	f.StringVar(&g.reason, "reason", "", "why you do it; kept in the record")
	f.BoolVarP(&g.yes, "yes", "y", false, "do not ask back")
	f.StringVar(&g.idempotencyKey, "idempotency-key", "", "a second call with the same key does nothing twice")
	f.StringVar(&g.as, "as", a.envOr("CORDUM_AS", ""), "who you are, as user:ann: only a server with --dev believes it (CORDUM_AS)")
	f.StringVar(&g.role, "role", a.envOr("CORDUM_AS_ROLE", ""), "with --as: your roles, with commas (CORDUM_AS_ROLE)")
	f.DurationVar(&g.timeout, "timeout", 0, "give up after this time, with exit code 124; runs go on (0 = never)")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputNames, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// outputsNote is the annotation of commands that print in more forms than every other.
const outputsNote = "outputs"

// anyFile among the outputs of a command says that -o takes the name of a file, too.
const anyFile = "FILE"

func moreOutputs(names ...string) map[string]string {
	return map[string]string{outputsNote: strings.Join(names, " ")}
}

func (a *app) checkGlobals(cmd *cobra.Command) error {
	if _, ok := a.lookup("NO_COLOR"); ok {
		a.flags.noColor = true
	}
	if a.flags.apiKey == "" {
		a.flags.apiKey = a.envOr("CORDUM_API_KEY", "")
	}
	if a.flags.timeout < 0 {
		return usagef("--timeout %s is negative", a.flags.timeout)
	}
	names := append(slices.Clone(outputNames), strings.Fields(cmd.Annotations[outputsNote])...)
	if !slices.Contains(names, a.flags.output) && !slices.Contains(names, anyFile) {
		return usagef("--output %q is not one of %s", a.flags.output, strings.Join(names, ", "))
	}
	return nil
}

// limit puts the deadline of --timeout on the command.
func (a *app) limit(cmd *cobra.Command) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), a.flags.timeout)
	cobra.OnFinalize(cancel)
	cmd.SetContext(ctx)
	a.expired = func() bool { return errors.Is(ctx.Err(), context.DeadlineExceeded) }
	return nil
}

// asGroup makes a command that only holds others: alone it shows its help, a wrong name is a usage error.
func asGroup(cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var known []string
		for _, sub := range cmd.Commands() {
			known = append(known, sub.Name())
		}
		if near := yamlx.Nearest(args[0], known); near != "" {
			return usagef("unknown command %q for %q (did you mean %s?)", args[0], cmd.CommandPath(), near)
		}
		return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	cmd.Args = cobra.ArbitraryArgs
	return cmd
}

// wantSome refuses a command line without arguments.
func wantSome(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s is missing: %s", name, cmd.UseLine())
		}
		return nil
	}
}

// wantArgs refuses another number of arguments than the names given, in words. Names in brackets, such as [STEP], come last and
// may be left out.
func wantArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names) && !strings.HasPrefix(names[len(args)], "["):
			return usagef("%s is missing: %s", names[len(args)], cmd.UseLine())
		case len(args) > len(names):
			return usagef("%q is too much: %s", args[len(names)], cmd.UseLine())
		}
		return nil
	}
}
