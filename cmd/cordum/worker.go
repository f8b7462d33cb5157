package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
)

func newWorker(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "worker",
		Short: "See, run and drain workers, and make their credentials",
		Long: "Workers do the work of steps. They register by their heartbeats. exec runs one whose tools are commands; others are written\n" +
			"in Go, Python or TypeScript.",
		Example: "  cordum worker list\n  cordum worker exec --config exec.yaml\n  cordum worker drain worker-7 --reason 'new disk'",
	})
	cmd.AddCommand(newWorkerList(a), newWorkerExec(a), newWorkerCredential(a), newDrainOf(a, "worker"), newUndrainOf(a, "worker"))
	return cmd
}

// workerView is how a worker looks.
var workerView = view[runner.WorkerView]{
	name:   func(w runner.WorkerView) string { return w.ID },
	header: []string{"WORKER", "POOL", "STATE", "JOBS", "CPU", "SEEN", "TOPICS"},
	row: func(_ *printer, w runner.WorkerView) []cell {
		return []cell{
			text(w.ID), text(w.Pool), state(w.State), text(fmt.Sprintf("%d/%d", w.Active+w.Reserved, w.Max)), text(fmt.Sprintf("%.0f%%", w.CPU)),
			text(ago(w.LastSeen, time.Now())), text(clipText(strings.Join(w.Topics, " "), 80)),
		}
	},
}

func newWorkerList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List workers as their heartbeats show them",
		Long:    "Lists workers: how many jobs they have and may have, when they were seen last, and what they do.",
		Example: "  cordum worker list\n  cordum worker list -o json",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(cmd.Context(), a, "workers", nil, workerView)
		},
	}
}
