package main

import (
	"os"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// defaultPolicyFile is read when it exists and no other was named.
const defaultPolicyFile = "config/safety.yaml"

// readPolicy reads a policy file. The error has everything that is wrong in it, one line each; what is only doubtful is
// told to warn.
func readPolicy(file string, warn func(problem string)) (*safety.Snapshot, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, usagef("--policy: %w", err)
	}
	root, err := yamlx.Parse(raw, yamlx.Auto)
	if err != nil {
		return nil, usagef("%s:%w", file, err)
	}
	policy, problems := safety.ParsePolicy(root, file)
	if safety.Refused(problems) {
		return nil, policyRefused(problems)
	}
	for _, p := range problems {
		warn(p.String())
	}
	return policy, nil
}

// policyRefused says everything for which a policy is refused, one line each.
func policyRefused(problems []safety.Problem) error {
	var why []string
	for _, p := range problems {
		if !p.Warning {
			why = append(why, p.String())
		}
	}
	return usagef("%s", oneLinePer(why))
}
