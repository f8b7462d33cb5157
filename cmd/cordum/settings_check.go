package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"cordum.dev/cordum/gateway"
)

// errRefused says that the server will not start like this; every reason has been said.
var errRefused = errors.New("refused to start")

// refuse says why a server does not start with these settings, one clear line each; empty when it does.
func (c *serveConfig) refuse(a *app) []string {
	var why []string
	say := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	if c.Dev {
		c.refuseDev(say)
	} else {
		c.refuseServer(say)
	}
	if c.Kernel.Addr == "" {
		c.refusePolicy(say)
	}
	c.refuseAskKernel(say)
	if err := c.builtinWorker().Check(); err != nil {
		say("built-in worker: %v", err)
	}
	c.refuseRoles(say)
	c.refuseNATS(say)
	c.refuseApprovers(say)
	c.refuseAudit(say)
	c.refuseCAP(say)
	c.refuseBackup(say)
	c.refuseStore(say)
	if c.Ping >= gateway.PongWait {
		say("--ws-ping-interval %s must be below %s, after which a silent viewer is dropped", c.Ping, gateway.PongWait)
	}
	return why
}

// refuseApprovers says why people outside could not be sent links.
func (c *serveConfig) refuseApprovers(say func(string, ...any)) {
	for i, text := range c.Approvers {
		if _, err := gateway.ParseApprover(text); err != nil {
			say("--approvers, number %d: %v", i+1, err)
		}
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "") {
		say("--public-url is no address: write it like https://cordum.example.com")
	}
	switch {
	case len(c.Approvers) == 0 || c.Dev:
	case c.PublicURL == "":
		say("--approvers are sent links to this server: say under which address they reach it, with --public-url")
	case c.Channels.SMTP == "":
		say("--approvers are sent e-mails: set CORDUM_NOTIFY_SMTP_URL, CORDUM_NOTIFY_SMTP_FROM and CORDUM_NOTIFY_SMTP_TO")
	}
}

// refuseDev keeps a server without keys from being reached by anybody else.
func (c *serveConfig) refuseDev(say func(string, ...any)) {
	if c.Production {
		say("--dev asks for no keys, but CORDUM_ENV or CORDUM_PRODUCTION says production: leave one of them out")
	}
	for _, listen := range []struct{ flag, addr string }{{"addr", c.Addr}, {"nats-addr", c.NATSAddr}} {
		if !isLoopback(listen.addr) {
			say("--dev asks for no keys, so it listens on this machine only: --%s %s is refused, write 127.0.0.1:PORT or localhost:PORT", listen.flag, listen.addr)
		}
	}
}

// refuseServer names everything that a server needs and was not given.
func (c *serveConfig) refuseServer(say func(string, ...any)) {
	if len(c.APIKeys) == 0 {
		say("no API key: set CORDUM_API_KEY (make one with: openssl rand -hex 32), or use --dev on this machine")
	}
	for i, key := range c.APIKeys {
		if err := gateway.CheckAPIKey(key); err != nil {
			say("API key %d: %v", i+1, err)
		}
	}
	switch {
	case c.NATS.external(): // whose servers know the workers
	case c.WorkerToken != "" && (c.WorkerUser != "" || c.WorkerPassword != ""):
		say("CORDUM_WORKER_TOKEN and CORDUM_WORKER_USER are both set: keep one way for workers to show who they are")
	case c.WorkerToken == "" && c.WorkerUser == "" && c.WorkerPassword == "" && c.Trust.ownSubjectsOnly(): // workers come by their own
	case c.WorkerToken == "" && c.WorkerUser == "" && c.WorkerPassword == "":
		say("no NATS credentials for workers: set CORDUM_WORKER_USER and CORDUM_WORKER_PASSWORD, or CORDUM_WORKER_TOKEN, or use --dev on this machine")
	case c.WorkerToken == "" && c.WorkerUser == "":
		say("CORDUM_WORKER_PASSWORD is set without CORDUM_WORKER_USER")
	case c.WorkerToken == "" && c.WorkerPassword == "":
		say("CORDUM_WORKER_USER is set without CORDUM_WORKER_PASSWORD")
	}
	if c.Production {
		say("CORDUM_ENV or CORDUM_PRODUCTION says production, which needs TLS: this version has none for HTTP, so leave it out and put a proxy with TLS in front")
		for _, origin := range c.Origins {
			if origin == "*" {
				say("--allowed-origins * is refused in production: name the origins")
			}
		}
	}
}

// listenFailed explains why an address could not be taken.
func listenFailed(flag, addr string, err error) error {
	_, port, splitErr := net.SplitHostPort(addr)
	if splitErr != nil || !isTaken(err) {
		return fmt.Errorf("cannot listen on --%s %s: %w", flag, addr, err)
	}
	return fmt.Errorf("port %s (--%s %s) is taken by another process\n"+
		"  stop that process, or take another port: --%s %s\n"+
		"  or any free one: --%s %s", port, flag, addr, flag, withPort(addr, nextPort(port)), flag, withPort(addr, "0"))
}

func withPort(addr, port string) string {
	host, _, _ := net.SplitHostPort(addr) // checked by checkAddress
	return net.JoinHostPort(host, port)
}

func nextPort(port string) string {
	var n int
	if _, err := fmt.Sscan(port, &n); err != nil || n <= 0 || n >= 65535 {
		return "0"
	}
	return fmt.Sprint(n + 1)
}

// oneLinePer joins reasons, each on its line.
func oneLinePer(why []string) string { return strings.Join(why, "\nerror: ") }
