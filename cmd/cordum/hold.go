package main

import (
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newHold(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "hold",
		Short: "Stop jobs from being sent, and let them go on",
		Long: "A hold keeps jobs from being sent: what it is over stays pending until the hold is lifted. What workers have goes on.\n" +
			"Setting and lifting one is recorded in the audit log; compensations are held too, unless --except-undo.",
		Example: "  cordum hold set --topic 'job.deploy.*' --reason 'incident 4711'\n  cordum hold list\n  cordum hold lift 01K…",
	})
	cmd.AddCommand(newHoldSet(a), newHoldList(a), newHoldLift(a))
	return cmd
}

// holdView is how a hold looks.
var holdView = view[runner.Hold]{
	name:   func(h runner.Hold) string { return h.ID },
	header: []string{"HOLD", "OVER", "NAME", "EXCEPT", "REASON", "BY", "SINCE"},
	row: func(_ *printer, h runner.Hold) []cell {
		except := ""
		if h.ExceptUndo {
			except = "undo"
		}
		return []cell{
			text(h.ID), text(h.Scope), text(h.Name), text(except), text(h.Reason), text(h.SetBy), text(ago(h.SetAt, time.Now())),
		}
	},
}

func newHoldSet(a *app) *cobra.Command {
	var all, everywhere, exceptUndo bool
	scopes := map[string]*string{"tenant": new(string), "workflow": new(string), "topic": new(string)}
	cmd := &cobra.Command{
		Use:   "set --all | --tenant T | --workflow W | --topic T",
		Short: "Stop jobs from being sent",
		Long: "Stops jobs from being sent: all of them, or those of a tenant, a workflow or a topic (with * in it). When the command\n" +
			"returns nothing more is sent that the hold is over. It wants a reason.",
		Example: "  cordum hold set --all --reason 'the database is being restored'\n" +
			"  cordum hold set --workflow db-migration --except-undo --reason 'under review'",
		Args: wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			body := gateway.HoldSet{ExceptUndo: exceptUndo, Everywhere: everywhere, Reason: a.flags.reason}
			n := 0
			if all {
				body.Scope, n = "all", n+1
			}
			for scope, name := range scopes {
				if cmd.Flags().Changed(scope) {
					body.Scope, body.Name, n = scope, *name, n+1
				}
			}
			if n != 1 {
				return usagef("say what to hold: one of --all, --tenant, --workflow, --topic")
			}
			if body.Reason == "" {
				return usagef("--reason: a hold is set with a reason")
			}
			return send(cmd.Context(), a, "holds", body, holdView)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&all, "all", false, "every job of every tenant")
	f.StringVar(scopes["tenant"], "tenant", "", "every job of a tenant")
	f.StringVar(scopes["workflow"], "workflow", "", "the jobs of a workflow")
	f.StringVar(scopes["topic"], "topic", "", "the jobs of a topic; * stands for anything")
	f.BoolVar(&exceptUndo, "except-undo", false, "compensations go on")
	f.BoolVar(&everywhere, "everywhere", false, "of a workflow or a topic: every tenant's, not only yours")
	return cmd
}

func newHoldList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the holds that are on",
		Long:    "Lists the holds that are on and concern your tenant.",
		Example: "  cordum hold list\n  cordum hold list -o json",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(cmd.Context(), a, "holds", nil, holdView)
		},
	}
}

// liftedView prints the id of a hold that was lifted.
var liftedView = view[gateway.LiftedHold]{
	name:   func(h gateway.LiftedHold) string { return h.ID },
	detail: func(p *printer, h gateway.LiftedHold) { _ = p.line(h.ID) }, // kept in p.err
}

func newHoldLift(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "lift HOLD",
		Short:   "Lift a hold: what it was over goes on",
		Long:    "Lifts a hold by its id. What waited because of it goes on at once.",
		Example: "  cordum hold lift 01K… --reason 'restored'",
		Args:    wantArgs("HOLD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return send(cmd.Context(), a, pathTo("holds", args[0], "lift"), gateway.Reason{Reason: a.flags.reason}, liftedView)
		},
	}
}
