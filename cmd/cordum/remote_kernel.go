package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/remote"
)

// remoteKernel has decisions made by a kernel in another process. What is in force is that kernel's; this process keeps a
// copy for previews and for what is decided near the data.
type remoteKernel struct {
	client *remote.Client
	cert   *remote.Certificate // shown to the kernel; nil: none
}

// Snapshot is the kernel's, while it is known.
func (k remoteKernel) Snapshot() *safety.Snapshot { return k.client.Snapshot() }

// Shadow is nothing: a kernel of its own has no drafts.
func (remoteKernel) Shadow() *safety.Snapshot { return nil }

// Remote is who decides.
func (k remoteKernel) Remote() runner.RemoteKernel { return k.client }

// openKernel makes who decides: a kernel elsewhere where the settings name one, else the policy store.
func (s *server) openKernel(documents *engineDocs, metrics prometheus.Registerer) (err error) {
	if s.cfg.Kernel.Addr == "" {
		return s.makePolicy(documents, metrics)
	}
	if s.cfg.PolicyFile != "" || s.cfg.PolicyURL != "" {
		s.log.Warn("the policy of this process has no effect: the safety kernel decides by its own", "safety_kernel", s.cfg.Kernel.Addr)
	}
	s.policyName = "that of the safety kernel at " + s.cfg.Kernel.Addr
	s.remote, err = s.cfg.askKernel(s.log)
	return err
}

// kernel is who decides.
func (s *server) kernel() runner.Kernel {
	if s.remote != nil {
		return s.remote
	}
	return localKernel{s.policy}
}

// enginePatience is how long a gateway that starts waits for an engine before it goes on without.
const enginePatience = 3 * time.Second

// loadKernel reads the policy that this process decides by.
func (s *server) loadKernel(ctx context.Context) error {
	if s.remote != nil {
		return nil
	}
	if s.engine != nil {
		return policyUnread(s.policy.Load(ctx))
	}
	ctx, cancel := context.WithTimeout(ctx, enginePatience)
	defer cancel()
	err := s.policy.Load(ctx)
	if errors.Is(err, runner.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("no engine answers: this gateway is not ready before one does", "error", err)
		return nil
	}
	return policyUnread(err)
}

// kernelParts are what of the kernel runs here.
func (s *server) kernelParts() []part {
	if s.remote != nil {
		return s.remote.parts()
	}
	return []part{{"policy store", s.policy.Run}}
}

// kernelReady tells whether work can be taken: it can while a kernel elsewhere is away, and waits for it.
func (s *server) kernelReady() bool { return s.remote != nil || s.policy.Ready() }

// parts are what of it runs.
func (k remoteKernel) parts() []part {
	parts := []part{{"safety kernel's client", k.client.Run}}
	if k.cert != nil {
		parts = append(parts, part{"certificate", k.cert.Run})
	}
	return parts
}

// askKernel makes the client of the kernel that the settings name.
func (c *serveConfig) askKernel(log *slog.Logger) (*remoteKernel, error) {
	k := &remoteKernel{}
	cfg := remote.ClientConfig{Addr: c.Kernel.Addr, Token: c.Kernel.Token, Logger: log}
	if c.asksOverTLS() {
		roots, err := authorities(c.Kernel.CA)
		if err != nil {
			return nil, usagef("SAFETY_KERNEL_TLS_CA: %w", err)
		}
		if c.Kernel.ClientCert != "" {
			if k.cert, err = remote.LoadCertificate(c.Kernel.ClientCert, c.Kernel.ClientKey, "safety-kernel-client", log); err != nil {
				return nil, usagef("SAFETY_KERNEL_CLIENT_CERT: %w", err)
			}
		}
		cfg.TLS = remote.ClientTLS(roots, k.cert, c.leastTLS())
	} else if !isLoopback(c.Kernel.Addr) {
		log.Warn("the safety kernel is asked without TLS: whoever answers in its place decides what runs; set SAFETY_KERNEL_TLS_REQUIRED and SAFETY_KERNEL_TLS_CA")
	}
	var err error
	k.client, err = remote.NewClient(cfg)
	return k, err
}
