package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/audit"
)

func newRunEvidence(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "evidence RUN [-o FILE]",
		Short: "Write what a run did and was allowed, with proof",
		Long: "Writes the evidence of a run: its definition, the decisions, approvals and effects, its audit records with their way to a\n" +
			"signed head, and a signature. cordum evidence verify checks it without a server. It holds no inputs and no outputs.",
		Example:     "  cordum run evidence 07… -o evidence.json\n  cordum evidence verify evidence.json --public-key audit.pub",
		Args:        wantArgs("RUN"),
		Annotations: moreOutputs(anyFile),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var d doc[runner.AuditEvidence]
			if err := c.get(cmd.Context(), pathTo("runs", args[0], "evidence"), nil, &d); err != nil {
				return err
			}
			return a.writeOut(d)
		},
	}
}

func newEvidence(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:     "evidence",
		Short:   "Check evidence about runs",
		Long:    "Evidence is what cordum run evidence writes. It is checked without a server.",
		Example: "  cordum evidence verify evidence.json --public-key audit.pub",
	})
	cmd.AddCommand(newEvidenceVerify(a))
	return cmd
}

func newEvidenceVerify(a *app) *cobra.Command {
	var against againstFlags
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check evidence about a run, without a server",
		Long: "Checks that the definition has its digest, that every record leads to the signed head, that each fact is the one of its\n" +
			"record, and who signed. Without --public-key it cannot tell whether the key in the file is the server's. What is\n" +
			"found ends with exit code 9.",
		Example: "  cordum evidence verify evidence.json --public-key audit.pub --head head.json",
		Args:    wantArgs("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			with, err := against.read()
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usagef("%w", err)
			}
			defer f.Close()
			e, err := audit.ReadEvidence(f)
			if err != nil {
				return &coded{exitTampered, fmt.Errorf("%s: %w", args[0], err)}
			}
			return a.showEvidenceReport(runner.VerifyEvidence(&e, with))
		},
	}
	against.add(cmd)
	return cmd
}

func (a *app) showEvidenceReport(r audit.EvidenceReport) error {
	p := a.printer()
	if a.flags.output != "table" && a.flags.output != "name" {
		return errors.Join(a.encode(p, r), verdict(r.OK))
	}
	for _, f := range r.Findings {
		_ = p.line(p.paint(oneLine(f), bad)) // kept in p.err
	}
	for _, d := range r.Doubts {
		_ = p.line("not proven: " + oneLine(d)) // as above
	}
	p.fact("run", text(r.Run))
	p.fact("records", text(fmt.Sprint(r.Records)))
	p.fact("facts", text(fmt.Sprint(r.Facts)))
	p.fact("signed by", text(r.Key))
	if r.OK {
		_ = p.line(p.paint("it is what was recorded", good)) // as above
	}
	return errors.Join(p.err, verdict(r.OK))
}
