package main

import (
	"github.com/spf13/cobra"

	"cordum.dev/cordum/safety"
)

func newPolicyLint(a *app) *cobra.Command {
	var sources policySources
	var strict, together bool
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Check policies, without a server",
		Long: "Checks policy files and bundles, and prints file:line:col, severity, code, what is wrong, and the line. Errors refuse a\n" +
			"policy. Warnings tell what is said in vain: rules that another one shadows or contradicts, that never match, that ask\n" +
			"more people than they name, overlays that mean to allow. Each file is a policy of its own; with --together they are one\n" +
			"set. Exits with 3 when one is refused.",
		Example:     "  cordum policy lint policy.yaml\n  cordum policy lint base.yaml team.yaml --together --overlay pack.yaml --strict -o json",
		Annotations: moreOutputs("text"),
		Args:        wantSome("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			sets := make([][]string, 0, len(args))
			for _, name := range args {
				sets = append(sets, []string{name})
			}
			if together || len(sources.overlays) > 0 {
				sets = [][]string{args}
			}
			return a.lintPolicies(sets, sources, strict)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "a warning is as bad as an error")
	cmd.Flags().BoolVar(&together, "together", false, "the files are bundles of one set")
	cmd.Flags().StringArrayVar(&sources.overlays, "overlay", nil, "a bundle as a pack brings it, beside the files together; may be given several times")
	return cmd
}

// lintPolicies lints sets of files, and shows all findings at once.
func (a *app) lintPolicies(sets [][]string, sources policySources, strict bool) error {
	var problems []safety.Problem
	texts, files := map[string][]byte{}, len(sources.overlays)
	for _, names := range sets {
		sources.bundles = names
		files += len(names)
		set, of, err := sources.read(a)
		if err != nil {
			return err
		}
		for name, text := range of {
			texts[name] = text
		}
		_, found := safety.Lint(set)
		problems = append(problems, found...)
	}
	all := policyFindings(problems, texts)
	if err := a.showFindings(all); err != nil {
		return err
	}
	return a.verdict(all, files, strict)
}
