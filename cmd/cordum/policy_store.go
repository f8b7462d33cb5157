package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/kernel"
)

// policyConfig is what the settings say of the policy store, documents and metrics aside.
func (c *serveConfig) policyConfig() (kernel.Config, error) {
	keys, err := kernel.ParseKeys(c.PolicyKey)
	if err != nil {
		return kernel.Config{}, usagef("SAFETY_POLICY_PUBLIC_KEY: %w", err)
	}
	cfg := kernel.Config{
		Tenant: c.Tenant, Default: safety.Deny, Keys: keys, SignatureRequired: c.PolicySigned || c.Production,
		Reload: c.PolicyReload, MaxBytes: c.PolicyMaxBytes,
	}
	if c.Dev {
		cfg.Default = safety.Allow
	}
	switch {
	case c.PolicyURL != "":
		address, err := url.Parse(c.PolicyURL)
		if err != nil || address.Host == "" || (address.Scheme != "https" && (address.Scheme != "http" || c.Production)) {
			return kernel.Config{}, usagef("--policy-url (SAFETY_POLICY_URL): write an address that begins with https://")
		}
		cfg.Base = kernel.URL{Address: address, Signature: c.PolicySignature}
	case c.PolicyFile != "":
		cfg.Base = kernel.File{Path: c.PolicyFile, Signature: c.PolicySignature, SignaturePath: c.PolicySignaturePath}
	}
	return cfg, nil
}

// refusePolicy says why no server starts with these settings of the policy.
func (c *serveConfig) refusePolicy(say func(string, ...any)) {
	switch {
	case c.PolicyFile != "" && c.PolicyURL != "":
		say("--policy (SAFETY_POLICY_PATH) and --policy-url (SAFETY_POLICY_URL) are both set: keep one")
	case c.PolicySignature != "" && c.PolicySignaturePath != "":
		say("SAFETY_POLICY_SIGNATURE and SAFETY_POLICY_SIGNATURE_PATH are both set: keep one")
	}
	if (c.PolicySigned || c.Production) && c.PolicyKey == "" {
		say("policies must be signed, and there is no key to check them with: set SAFETY_POLICY_PUBLIC_KEY")
	}
	if _, err := c.policyConfig(); err != nil {
		say("%v", err)
	}
}

// makePolicy makes the policy store. It is read once its documents are there.
func (s *server) makePolicy(documents *engineDocs, metrics prometheus.Registerer) error {
	if _, err := os.Stat(defaultPolicyFile); err == nil && s.cfg.PolicyFile == "" && s.cfg.PolicyURL == "" && !s.cfg.Dev {
		s.cfg.PolicyFile = defaultPolicyFile
	}
	cfg, err := s.cfg.policyConfig()
	if err != nil {
		return err
	}
	cfg.Documents, cfg.Past, cfg.Logger, cfg.Registry = documents, documents, s.log, metrics
	cfg.Changed = func(ctx context.Context) error { return documents.engine.PolicyChanged(ctx) }
	cfg.Followed = func(ctx context.Context) error {
		if s.engine == nil {
			return nil // nothing is sent from here
		}
		return s.engine.PolicyFollowed(ctx)
	}
	cfg.Shared = s.cfg.shared()
	switch {
	case cfg.Base != nil:
		s.policyName = cfg.Base.Name()
	case s.cfg.Dev:
		s.policyName = "built in: what no rule speaks of is allowed"
	default:
		s.policyName = "no file: what no rule allows is denied"
		s.log.Warn("no policy file: every job that no published rule allows will be denied; name one with --policy (SAFETY_POLICY_PATH), or publish one")
	}
	s.policy, err = kernel.New(cfg)
	return err
}

// policyUnread says to the operator what is wrong with the policy that a server was to start with.
func policyUnread(err error) error {
	var refused *kernel.RefusedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return policyRefused(refused.Problems)
	case errors.Is(err, kernel.ErrUnavailable):
		return err
	}
	return usagef("--policy: %w", err)
}

// localKernel decides with the snapshot of the policy store, in this process.
type localKernel struct{ *kernel.Kernel }

func (localKernel) Remote() runner.RemoteKernel { return nil }

// engineDocs are the documents and the recorded decisions of an engine that is made after who reads them.
type engineDocs struct{ engine caller }

func (d *engineDocs) Doc(ctx context.Context, kind, name string) (kernel.Doc, error) {
	doc, err := d.engine.Doc(ctx, kind, name)
	return kernel.Doc(doc), policyError(err)
}

func (d *engineDocs) Docs(ctx context.Context, kind, after string, limit int) ([]kernel.Doc, string, error) {
	docs, next, err := d.engine.Docs(ctx, kind, after, limit)
	out := make([]kernel.Doc, len(docs))
	for i := range docs {
		out[i] = kernel.Doc(docs[i])
	}
	return out, next, policyError(err)
}

func (d *engineDocs) ChangeDocs(ctx context.Context, who kernel.Who, act, subject string, changes ...kernel.Change) error {
	own := make([]runner.DocChange, len(changes))
	for i := range changes {
		own[i] = runner.DocChange(changes[i])
	}
	return policyError(d.engine.ChangeDocs(ctx, callerOf(who), act, subject, own...))
}

// Decisions are those of workflows, then those of single jobs.
func (d *engineDocs) Decisions(ctx context.Context, who kernel.Who, f kernel.PastFilter, visit func(kernel.PastDecision) error) error {
	for _, kind := range []string{"workflow", "job"} {
		if kind == "job" && f.Workflow != "" {
			return nil
		}
		err := d.engine.Decisions(ctx, callerOf(who), runner.Filter{Workflow: f.Workflow, Kind: kind}, func(p runner.PastDecision) error {
			own := kernel.PastDecision{
				Tenant: who.Tenant, Run: p.Run, Workflow: p.Workflow, Step: p.Step, Job: p.Job, At: p.At, Request: p.Request,
				Verdict: p.Verdict, Rule: p.Rule, Snapshot: p.Snapshot,
			}
			if p.ShadowSnapshot != "" {
				own.Shadow = p.Shadow + " " + p.ShadowRule + " " + p.ShadowSnapshot
			}
			return visit(own)
		})
		if err != nil {
			return policyError(err)
		}
	}
	return nil
}

func callerOf(who kernel.Who) runner.Caller {
	return runner.Caller{
		Tenant: who.Tenant, Actor: who.Actor, Reason: who.Reason, Roles: who.Roles, Groups: who.Groups, ActorType: who.ActorType, Owner: who.Owner,
	}
}

// policyError says an error of the engine in the words of the policy store.
func policyError(err error) error {
	for from, to := range map[error]error{
		runner.ErrNotFound: kernel.ErrNotFound, runner.ErrConflict: kernel.ErrConflict, runner.ErrUnavailable: kernel.ErrUnavailable,
		runner.ErrOverloaded: kernel.ErrUnavailable,
	} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %w", to, err)
		}
	}
	return err
}
