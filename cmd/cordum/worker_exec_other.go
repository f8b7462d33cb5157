//go:build !unix

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newWorkerExec(*app) *cobra.Command {
	return &cobra.Command{
		Use:     "exec --config FILE",
		Short:   "Run a worker that runs listed commands",
		Long:    "Runs a worker whose tools are the commands that its configuration lists. It needs process groups: Linux or macOS.",
		Example: "  cordum worker exec --config exec.yaml",
		Args:    wantArgs(),
		RunE: func(*cobra.Command, []string) error {
			return errors.New("cordum worker exec needs process groups: run it on Linux or macOS")
		},
	}
}
