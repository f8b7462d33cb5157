package main

import (
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newAuditHold(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "hold",
		Short: "Keep audit records from being removed",
		Long: "A legal hold keeps the records of a run, or all of your tenant's, from being removed by retention. It does not stop work:\n" +
			"that is cordum hold.",
		Example: "  cordum audit hold set --run 07… --reason 'case 4711'\n  cordum audit hold list\n  cordum audit hold lift 01K…",
	})
	cmd.AddCommand(newAuditHoldSet(a), newAuditHoldList(a), newAuditHoldLift(a))
	return cmd
}

// legalHoldView is how a legal hold looks.
var legalHoldView = view[runner.LegalHold]{
	name:   func(h runner.LegalHold) string { return h.ID },
	header: []string{"HOLD", "RUN", "REASON", "BY", "SINCE"},
	row: func(_ *printer, h runner.LegalHold) []cell {
		return []cell{text(h.ID), text(orElse(h.Run, "all")), text(h.Reason), text(h.SetBy), text(ago(h.SetAt, time.Now()))}
	},
}

func newAuditHoldSet(a *app) *cobra.Command {
	var run string
	var all bool
	cmd := &cobra.Command{
		Use:     "set --run RUN | --all",
		Short:   "Set a legal hold",
		Long:    "Sets a legal hold over the records of a run, or over all of your tenant's. It wants a reason.",
		Example: "  cordum audit hold set --run 07… --reason 'case 4711'",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all == (run != "") {
				return usagef("say what to hold: one of --run and --all")
			}
			if a.flags.reason == "" {
				return usagef("--reason: a legal hold is set with a reason")
			}
			return send(cmd.Context(), a, "audit/holds", gateway.LegalHoldSet{Run: run, Reason: a.flags.reason}, legalHoldView)
		},
	}
	cmd.Flags().StringVar(&run, "run", "", "the records of this run")
	cmd.Flags().BoolVar(&all, "all", false, "every record of your tenant")
	return cmd
}

func newAuditHoldList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the legal holds",
		Long:    "Lists the legal holds of your tenant.",
		Example: "  cordum audit hold list",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(cmd.Context(), a, "audit/holds", nil, legalHoldView)
		},
	}
}

func newAuditHoldLift(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "lift HOLD",
		Short:   "Lift a legal hold",
		Long:    "Lifts a legal hold: retention removes again what is old.",
		Example: "  cordum audit hold lift 01K… --reason 'case 4711 is closed'",
		Args:    wantArgs("HOLD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var d doc[gateway.LiftedHold]
			r := request{method: http.MethodPost, path: pathTo("audit", "holds", args[0], "lift"), body: gateway.Reason{Reason: a.flags.reason}}
			if err := c.do(cmd.Context(), r, &d); err != nil {
				return err
			}
			return showOne(a, liftedView, d)
		},
	}
}
