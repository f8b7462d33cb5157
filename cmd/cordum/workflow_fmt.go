package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine/plan"
)

func newWorkflowFmt(a *app) *cobra.Command {
	var write, check bool
	cmd := &cobra.Command{
		Use:     "fmt FILE...",
		Aliases: []string{"format"},
		Short:   "Write definitions in their normal spelling",
		Long: "Writes definitions with every field under its own name and in the usual order, durations in one spelling, an indent of two.\n" +
			"Comments stay, and so does the digest. Prints the result; -w writes it back into the files, --check only names the\n" +
			"files that would change and exits with 1 then.",
		Example: "  cordum workflow fmt workflow.yaml\n  cordum workflow fmt -w workflows/*.yaml\n  cordum workflow fmt --check workflows/*.yaml",
		Args:    wantSome("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := a.definitions(args)
			if err != nil {
				return err
			}
			if write && check {
				return usagef("say either -w or --check")
			}
			return a.formatAll(files, write, check)
		},
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write the files")
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; name the files that are not formatted")
	return cmd
}

// formatAll formats every file before the first is written: one that is refused leaves all as they are.
func (a *app) formatAll(files []definitionFile, write, check bool) error {
	texts := make([][]byte, len(files))
	refused := 0
	for i, d := range files {
		text, diagnostics := dag.Format(d.source, d.format())
		if text == nil {
			fmt.Fprint(a.errOut, plan.Text(d.findings(diagnostics)))
			refused++
		}
		texts[i] = text
	}
	if refused > 0 {
		return &coded{exitDefinition, fmt.Errorf("%s; nothing was written", counted(refused, "file is no valid workflow", "files are no valid workflows"))}
	}
	p := a.printer()
	changed := 0
	for i, d := range files {
		switch same := bytes.Equal(texts[i], d.source); {
		case !write && !check:
			p.write(string(texts[i]))
		case same:
		case check:
			changed++
			_ = p.line(d.name) // kept in p.err
		default:
			if err := rewrite(d.name, texts[i]); err != nil {
				return err
			}
			_ = p.line(d.name) // as above
		}
	}
	if p.err == nil && changed > 0 {
		return fmt.Errorf("%s: cordum workflow fmt -w", counted(changed, "file is not formatted", "files are not formatted"))
	}
	return p.err
}

// rewrite replaces what is in a file and keeps its permissions.
func rewrite(name string, text []byte) error {
	if name == "-" {
		return usagef("-w cannot write back to stdin")
	}
	return os.WriteFile(name, text, 0o644) // #nosec G306 -- the file exists, and keeps its mode
}
