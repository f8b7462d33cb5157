package main

import (
	"os"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// defaultPolicyFile is read when it exists and no other was named.
const defaultPolicyFile = "config/safety.yaml"

// loadPolicy reads the policy file. Without one, a development server allows and every other one denies.
func (s *server) loadPolicy() (*safety.Snapshot, error) {
	if _, err := os.Stat(defaultPolicyFile); err == nil && s.cfg.PolicyFile == "" && !s.cfg.Dev {
		s.cfg.PolicyFile = defaultPolicyFile
	}
	if s.cfg.PolicyFile == "" {
		if s.cfg.Dev {
			s.policyName = "built in: everything is allowed"
			return safety.NewSnapshot(safety.Allow), nil
		}
		s.policyName = "none: every job is denied"
		s.log.Warn("no policy file: every job will be denied; name one with --policy (SAFETY_POLICY_PATH)")
		return safety.NewSnapshot(safety.Deny), nil
	}
	s.policyName = s.cfg.PolicyFile
	return readPolicy(s.cfg.PolicyFile, func(problem string) { s.log.Warn("policy file", "problem", problem) })
}

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
	var why []string
	for _, p := range problems {
		if p.Warning {
			warn(p.String())
		} else {
			why = append(why, p.String())
		}
	}
	if safety.Refused(problems) {
		return nil, usagef("%s", oneLinePer(why))
	}
	return policy, nil
}
