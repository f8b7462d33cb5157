package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// verbView prints the run after a command: one row.
var verbView = view[runner.RunView]{name: runView.name, header: runView.header, row: runView.row}

// runVerb is a command that a run is given, or all runs that a filter names.
type runVerb struct {
	name, short, long, example string
	asks                       bool                     // on a terminal, before it is done
	flags                      func(cmd *cobra.Command) // nil: none of its own
	body                       func(reason gateway.Reason) any
	// batch puts the flags into a batch, or says why a batch cannot have them; nil: there is nothing to put.
	batch func(*gateway.Batch) error
}

// runVerbs are made anew for each command line: their flags are kept in them.
func runVerbs() []runVerb {
	plain := func(reason gateway.Reason) any { return reason }
	return []runVerb{
		{
			name: "pause", short: "Start nothing new in a run", body: plain,
			long:    "Steps that are under way finish; nothing new begins until the run is resumed.",
			example: "  cordum run pause 07… --reason 'maintenance window'",
		},
		{
			name: "resume", short: "Go on with a paused or faulted run", body: plain,
			long:    "A paused run goes on; a faulted one tries again what it failed at.",
			example: "  cordum run resume 07… --reason 'maintenance is over'",
		},
		{
			name: "retry", short: "Do again what is bad in a failed run", body: plain,
			long: "Arms the bad steps of a failed run again, with a fresh allowance of attempts, and those that were skipped because of\n" +
				"them. What succeeded stays. Refused once something was undone: fork the run, or start it again.",
			example: "  cordum run retry 07… --reason 'the disk is back'",
		},
		cancelVerb(), rollbackVerb(),
	}
}

func cancelVerb() runVerb {
	var force, rollback bool
	return runVerb{
		name: "cancel", short: "Cancel a run and what it has under way", asks: true,
		long: "Cancels a run: jobs under way are told to stop, nothing new begins. With --rollback what it did is undone; see before\n" +
			"what that would be: cordum workflow plan --if-cancelled RUN.",
		example: "  cordum run cancel 07… --reason 'wrong version' --yes\n  cordum run cancel 07… --rollback\n" +
			"  cordum run cancel --filter 'workflow=db-migration state=running' --dry-run",
		flags: func(cmd *cobra.Command) {
			cmd.Flags().BoolVar(&force, "force", false, "end a faulted run without deciding anything")
			cmd.Flags().BoolVar(&rollback, "rollback", false, "undo what the run did")
		},
		body: func(reason gateway.Reason) any {
			return gateway.Cancel{Reason: reason, Force: force, Rollback: rollback}
		},
		batch: func(b *gateway.Batch) error {
			if force {
				return usagef("--force ends one faulted run: name it")
			}
			b.Rollback = rollback
			return nil
		},
	}
}

func rollbackVerb() runVerb {
	var to, then string
	return runVerb{
		name: "rollback", short: "Undo what a run did", asks: true,
		long: "Undoes what a run did: its compensations run in reverse order. A run that is under way is cancelled first. With --to\n" +
			"only what came after a checkpoint is undone, and the run goes on from there, as --then says.",
		example: "  cordum run rollback 07… --reason 'wrong customer'\n  cordum run rollback 07… --to backed-up --then retry",
		flags: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&to, "to", "", "a checkpoint: only what came after it is undone")
			cmd.Flags().StringVar(&then, "then", "", "with --to: pause (default), retry or fail")
		},
		body: func(reason gateway.Reason) any {
			return gateway.RollbackRun{Reason: reason, To: to, Then: then}
		},
		batch: func(*gateway.Batch) error {
			if to != "" || then != "" {
				return usagef("--to and --then are for one run: name it")
			}
			return nil
		},
	}
}

func newRunVerb(a *app, v runVerb) *cobra.Command {
	var f batchFlags
	cmd := &cobra.Command{
		Use:     v.name + " RUN | --filter FILTER",
		Short:   v.short,
		Long:    v.long + "\n\n" + batchHelp,
		Example: v.example,
		Args: func(cmd *cobra.Command, args []string) error {
			if f.filter != "" {
				return wantArgs()(cmd, args)
			}
			return wantArgs("RUN")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.filter != "" {
				return f.run(cmd.Context(), a, v)
			}
			if f.dryRun {
				return usagef("--dry-run goes with --filter; of one run: cordum workflow plan --if-cancelled RUN, or cordum run explain RUN")
			}
			if v.asks {
				question := strings.ToUpper(v.name[:1]) + v.name[1:]
				if ok, err := a.confirm(cmd.Context(), fmt.Sprintf("%s run %s?", question, args[0])); !ok {
					return err
				}
			}
			return send(cmd.Context(), a, pathTo("runs", args[0], v.name), v.body(gateway.Reason{Reason: a.flags.reason}), verbView)
		},
	}
	f.add(cmd)
	if v.flags != nil {
		v.flags(cmd)
	}
	return cmd
}
