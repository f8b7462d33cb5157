package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/safety/kernel"
	"cordum.dev/cordum/safety/remote"
)

func newKernel(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kernel",
		Short: "Run the safety kernel as a process of its own",
		Long: "Runs the safety kernel alone: it reads a policy and answers servers over gRPC whether a job may start\n" +
			"(cordum.agent.v1.SafetyKernel), and probes how it is (grpc.health.v1.Health). A server asks it when SAFETY_KERNEL_ADDR\n" +
			"names it; without, a server decides by itself. While no kernel answers, jobs wait; none is ever let through.\n\n" +
			"The policy's file is looked at again and again, and comes into force when it is good. A certificate may be replaced\n" +
			"while the kernel runs. On an address that others can reach TLS is needed. SAFETY_KERNEL_TOKEN, if set, must be shown by\n" +
			"who asks; SAFETY_KERNEL_CLIENT_CA asks them for a certificate.",
		Example: "  cordum kernel --policy config/safety.yaml\n" +
			"  SAFETY_KERNEL_ADDR=127.0.0.1:50052 cordum serve --dev\n" +
			"  cordum kernel --policy safety.yaml --addr :50052 --tls-cert kernel.pem --tls-key kernel.key",
		Args: wantArgs(),
	}
	src := addSettings(cmd.Flags(), beKernelSettings())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, warnings, err := src.load(a)
		if err != nil {
			return err
		}
		if cfg.Kernel.Addr == "" {
			cfg.Kernel.Addr = defaultKernelAddr
		}
		var why []string
		cfg.refuseBeKernel(func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) })
		if len(why) > 0 {
			return &coded{exitUsage, fmt.Errorf("%s%w", oneLinePer(why), silently(errRefused))}
		}
		return serveKernel(cmd.Context(), a, cfg, warnings)
	}
	return cmd
}

// serveKernel runs a kernel until ctx ends.
func serveKernel(ctx context.Context, a *app, cfg serveConfig, warnings []string) error {
	log := newLog(a, cfg)
	slog.SetDefault(log)
	for _, warning := range warnings {
		log.Warn(warning)
	}
	policy, err := cfg.kernelPolicy(ctx, log)
	if err != nil {
		return err
	}
	parts := []part{{"policy", policy.Run}}
	server := remote.ServerConfig{Snapshot: policy.Snapshot, Token: cfg.Kernel.Token, Logger: log}
	if cfg.Kernel.Cert != "" {
		cert, err := remote.LoadCertificate(cfg.Kernel.Cert, cfg.Kernel.Key, "safety-kernel", log)
		if err != nil {
			return usagef("--tls-cert: %w", err)
		}
		clients, err := authorities(cfg.Kernel.ClientCA)
		if err != nil {
			return usagef("--tls-client-ca: %w", err)
		}
		server.TLS = cert.Server(clients, cfg.leastTLS())
		parts = append(parts, part{"certificate", cert.Run})
	}
	s, err := remote.NewServer(server)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Kernel.Addr)
	if err != nil {
		return listenFailed("addr", cfg.Kernel.Addr, err)
	}
	parts = append(parts, part{"gRPC server", func(ctx context.Context) error { return s.Run(ctx, listener) }})
	log.Info("safety kernel", "version", versionName(), "addr", listener.Addr().String(), "tls", server.TLS != nil,
		"token", cfg.Kernel.Token != "", "client_certificates", server.TLS != nil && server.TLS.ClientAuth == tls.RequireAndVerifyClientCert)
	if err := runAll(ctx, parts); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// kernelPolicy is what a kernel of its own decides by: its file, and nothing that somebody publishes.
func (c *serveConfig) kernelPolicy(ctx context.Context, log *slog.Logger) (*kernel.Kernel, error) {
	cfg, err := c.policyConfig()
	if err != nil {
		return nil, err
	}
	cfg.Documents, cfg.Logger = kernel.NewMemory(), log
	policy, err := kernel.New(cfg)
	if err != nil {
		return nil, err
	}
	return policy, policyUnread(policy.Load(ctx))
}
