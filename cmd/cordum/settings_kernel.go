package main

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"strings"

	"cordum.dev/cordum/safety/remote"
)

// kernelSettings are about a safety kernel that is a process of its own: on its side, and on the side of who asks it.
type kernelSettings struct {
	Addr string // serve: the kernel to ask, default none: decisions are made in this process; kernel: it listens here

	Token      string // who asks shows it; default none
	TLSMin     string // 1.2 or 1.3; default 1.2, 1.3 in production
	Cert, Key  string // of the kernel; default none: no TLS
	ClientCA   string // whose certificates the kernel asks for; default none: it asks for none
	CA         string // whose certificates the kernel must have; default the system's authorities
	Required   bool   // serve: refuse to ask without TLS; default false, but in production
	ClientCert string // what who asks shows; default none
	ClientKey  string
}

// defaultKernelAddr is not that of the gateway's gRPC (:50051), so that both fit on one machine.
const defaultKernelAddr = "127.0.0.1:50052"

// askKernelSettings are those of a server that asks a kernel elsewhere.
func askKernelSettings() []setting {
	return []setting{
		address("safety-kernel", "SAFETY_KERNEL_ADDR", "ask the safety kernel at HOST:PORT (cordum kernel) instead of deciding in this process", func(c *serveConfig) *string { return &c.Kernel.Addr }),
		kernelToken(),
		boolean("safety-kernel-tls-required", "SAFETY_KERNEL_TLS_REQUIRED", "ask the safety kernel over TLS only, as production always does", func(c *serveConfig) *bool { return &c.Kernel.Required }),
		str("safety-kernel-tls-ca", "SAFETY_KERNEL_TLS_CA", "a PEM file: only a safety kernel certified by these authorities is believed (implies TLS)", func(c *serveConfig) *string { return &c.Kernel.CA }),
		str("safety-kernel-client-cert", "SAFETY_KERNEL_CLIENT_CERT", "the certificate that is shown to the safety kernel, a PEM file", func(c *serveConfig) *string { return &c.Kernel.ClientCert }),
		str("safety-kernel-client-key", "SAFETY_KERNEL_CLIENT_KEY", "its key, a PEM file", func(c *serveConfig) *string { return &c.Kernel.ClientKey }),
		tlsMin(),
	}
}

// beKernelSettings are those of the kernel itself.
func beKernelSettings() []setting {
	rows := []setting{
		address("addr", "SAFETY_KERNEL_ADDR", "gRPC listens here; port 0 takes a free one", func(c *serveConfig) *string { return &c.Kernel.Addr }),
		kernelToken(),
		str("tls-cert", "SAFETY_KERNEL_TLS_CERT", "the kernel's certificate, a PEM file; it may be replaced while the kernel runs", func(c *serveConfig) *string { return &c.Kernel.Cert }),
		str("tls-key", "SAFETY_KERNEL_TLS_KEY", "its key, a PEM file", func(c *serveConfig) *string { return &c.Kernel.Key }),
		str("tls-client-ca", "SAFETY_KERNEL_CLIENT_CA", "a PEM file: only who is certified by these authorities is answered", func(c *serveConfig) *string { return &c.Kernel.ClientCA }),
		tlsMin(),
	}
	for _, row := range serveSettings() {
		if strings.HasPrefix(row.flag, "policy") || strings.HasPrefix(row.flag, "log-") || row.flag == "config" {
			rows = append(rows, row)
		}
	}
	return rows
}

func kernelToken() setting {
	return secret("safety_kernel_token", "SAFETY_KERNEL_TOKEN", func(c *serveConfig) *string { return &c.Kernel.Token })
}

func tlsMin() setting {
	return oneOf("tls-min-version", "CORDUM_TLS_MIN_VERSION", "the oldest version of TLS that is spoken: 1.2 or 1.3 (default 1.2, in production 1.3)", []string{"1.2", "1.3"}, func(c *serveConfig) *string { return &c.Kernel.TLSMin })
}

// leastTLS is the oldest version of TLS that is spoken.
func (c *serveConfig) leastTLS() uint16 {
	if c.Kernel.TLSMin == "1.3" || c.Production {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

// asksOverTLS tells whether the kernel is asked over TLS.
func (c *serveConfig) asksOverTLS() bool {
	k := &c.Kernel
	return k.Required || c.Production || k.CA != "" || k.ClientCert != ""
}

// refuseAskKernel says why no server asks a kernel with these settings.
func (c *serveConfig) refuseAskKernel(say func(string, ...any)) {
	k := &c.Kernel
	if k.Addr == "" {
		if k.Required || k.CA != "" || k.Token != "" || k.ClientCert != "" {
			say("SAFETY_KERNEL_ settings are there, but no safety kernel is asked: set SAFETY_KERNEL_ADDR, or unset the others")
		}
		return
	}
	refuseKernelCommon(c, say)
	refusePair(say, "SAFETY_KERNEL_CLIENT_CERT", k.ClientCert, "SAFETY_KERNEL_CLIENT_KEY", k.ClientKey)
	refuseFile(say, "SAFETY_KERNEL_TLS_CA", k.CA, func(file string) error { _, err := remote.LoadAuthorities(file); return err })
}

// refuseBeKernel says why no kernel starts with these settings.
func (c *serveConfig) refuseBeKernel(say func(string, ...any)) {
	k := &c.Kernel
	refuseKernelCommon(c, say)
	refusePair(say, "SAFETY_KERNEL_TLS_CERT", k.Cert, "SAFETY_KERNEL_TLS_KEY", k.Key)
	refuseFile(say, "SAFETY_KERNEL_CLIENT_CA", k.ClientCA, func(file string) error { _, err := remote.LoadAuthorities(file); return err })
	switch {
	case k.Cert == "" && k.ClientCA != "":
		say("SAFETY_KERNEL_CLIENT_CA asks for certificates, which needs TLS: set SAFETY_KERNEL_TLS_CERT and SAFETY_KERNEL_TLS_KEY")
	case k.Cert == "" && c.Production:
		say("CORDUM_ENV or CORDUM_PRODUCTION says production, which needs TLS: set SAFETY_KERNEL_TLS_CERT and SAFETY_KERNEL_TLS_KEY")
	case k.Cert == "" && !isLoopback(k.Addr):
		say("--addr %s can be reached from elsewhere, and whoever answers in the kernel's place decides what runs: set SAFETY_KERNEL_TLS_CERT and SAFETY_KERNEL_TLS_KEY, or listen on 127.0.0.1:PORT", k.Addr)
	}
	if c.PolicyFile == "" && c.PolicyURL == "" {
		say("no policy: name its file with --policy (SAFETY_POLICY_PATH) or its address with --policy-url (SAFETY_POLICY_URL)")
	}
	c.refusePolicy(say)
}

func refuseKernelCommon(c *serveConfig, say func(string, ...any)) {
	if err := remote.CheckToken(c.Kernel.Token); err != nil {
		say("SAFETY_KERNEL_TOKEN: %v", err)
	}
	if c.Production && c.Kernel.TLSMin == "1.2" {
		say("CORDUM_TLS_MIN_VERSION is 1.2, but production speaks 1.3: leave it out")
	}
}

// refusePair says what is wrong with a certificate and its key.
func refusePair(say func(string, ...any), certName, cert, keyName, key string) {
	switch {
	case cert != "" && key == "":
		say("%s is set without %s", certName, keyName)
	case cert == "" && key != "":
		say("%s is set without %s", keyName, certName)
	case cert != "":
		if stat, err := os.Stat(key); err == nil && stat.Mode().Perm()&0o007 != 0 {
			say("%s: %s can be read by everybody on this machine: chmod 600 %s", keyName, key, key)
		}
		if _, err := remote.LoadCertificate(cert, key, certName, slog.New(slog.DiscardHandler)); err != nil {
			say("%s: %v", certName, err)
		}
	}
}

func refuseFile(say func(string, ...any), name, file string, load func(string) error) {
	if file == "" {
		return
	}
	if err := load(file); err != nil {
		say("%s: %v", name, err)
	}
}

// authorities reads those of a file. No file is nil: the authorities of the system, or nobody to ask a certificate of.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	return remote.LoadAuthorities(file)
}
