package builtin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// Egress says which addresses the built-in worker may call. Whatever else is allowed, the decision is made on the address
// that is dialled, after names were looked up, for each connection: public ones are open, all others closed.
type Egress struct {
	// Allow opens others: ranges ("10.0.0.0/8"), addresses and hosts by name ("[fd00::1]:9000", "ci.example",
	// "*.intranet.example:8443"). A host's name never opens link-local addresses and other places of metadata services;
	// a range does. Default none.
	Allow []string
	// Own are the ports on which this process listens: they stay closed on this machine's addresses unless a rule of
	// Allow names the port. Default none.
	Own []uint16

	witness func(netip.AddrPort) error // see guard
}

// deniedError says that a call may not go where it would.
type deniedError struct {
	host string
	why  string
}

func (e *deniedError) Error() string { return fmt.Sprintf("calls to %s are denied: %s", e.host, e.why) }

const (
	whyNotPublic = "it is not a public address; an operator can open it with --egress-allow"
	whyOwn       = "it is a port of this server"
	whyNumeric   = "an address is written as four decimal numbers, such as 192.0.2.1, or in brackets, such as [2001:db8::1]"
	whyProtocol  = "only TCP is open"
)

// guard decides about addresses and makes connections to those that are open.
type guard struct {
	rules    []rule
	own      []uint16
	resolver *net.Resolver // nil: the machine's
	// witness, when not nil, sees each address that was permitted, and has the last word: tests of the decision, which
	// should reach nobody.
	witness func(netip.AddrPort) error
}

func newGuard(cfg Egress) (*guard, error) {
	g := &guard{own: cfg.Own, witness: cfg.witness}
	for _, text := range cfg.Allow {
		r, err := parseRule(text)
		if err != nil {
			return nil, fmt.Errorf("egress: %w", err)
		}
		g.rules = append(g.rules, r)
	}
	return g, nil
}

// trusting is the guard with one more place open: one that the operator configured. HOST:PORT is exact, so that place is
// open even on a port of this server.
func (g *guard) trusting(host string, port uint16) *guard {
	trusted := *g
	r := rule{host: canonicalHost(host), port: port}
	if a, err := netip.ParseAddr(host); err == nil {
		r = rule{net: netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), port: port}
	}
	trusted.rules = append(slices.Clone(g.rules), r)
	return &trusted
}

// permit decides about an address that is about to be dialled under a name. The error is a *deniedError.
func (g *guard) permit(host string, at netip.AddrPort) error {
	a := at.Addr()
	if !a.IsValid() || a.Zone() != "" {
		return &deniedError{host, whyNotPublic}
	}
	at = netip.AddrPortFrom(a.Unmap(), at.Port())
	open, named := false, false
	for _, r := range g.rules {
		if r.opens(canonicalHost(host), at) {
			open, named = true, named || r.port != 0
		}
	}
	switch {
	case !named && slices.Contains(g.own, at.Port()) && isThisMachine(at.Addr()):
		return &deniedError{host, whyOwn}
	case !open && !isPublic(at.Addr()):
		return &deniedError{host, whyNotPublic}
	}
	return nil
}

// isThisMachine tells whether an address is one of this machine's; if the machine does not say which it has, every
// address may be.
func isThisMachine(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, own := range addrs {
		if n, ok := own.(*net.IPNet); ok && n.IP.Equal(a.AsSlice()) {
			return true
		}
	}
	return false
}

// dial connects to HOST:PORT if the address it leads to is open. It is the only way out of this package.
func (g *guard) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if err := checkSpelling(host); err != nil {
		return nil, err
	}
	if a := allowedIn(ctx); a != nil {
		if err := a.use(address); err != nil {
			return nil, err
		}
	}
	dialer := net.Dialer{
		Timeout:  connectTimeout,
		Resolver: g.resolver,
		ControlContext: func(_ context.Context, network, dialled string, _ syscall.RawConn) error {
			return g.control(host, network, dialled)
		},
	}
	if !isLocalhost(host) {
		return dialer.DialContext(ctx, "tcp", address)
	}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		if other, err6 := dialer.DialContext(ctx, "tcp", net.JoinHostPort("::1", port)); err6 == nil {
			return other, nil
		}
	}
	return conn, err
}

// control runs when a socket is there and its address known, right before it connects.
func (g *guard) control(host, network, dialled string) error {
	if !strings.HasPrefix(network, "tcp") {
		return &deniedError{host, whyProtocol}
	}
	at, err := netip.ParseAddrPort(dialled)
	if err != nil {
		return &deniedError{host, whyNotPublic}
	}
	if err := g.permit(host, at); err != nil {
		return err
	}
	if g.witness != nil {
		return g.witness(at)
	}
	return nil
}

// checkSpelling refuses hosts that some readers take for an address and others for a name.
func checkSpelling(host string) error {
	if strings.Contains(host, "%") {
		return &deniedError{host, whyNotPublic} // a zone: link-local by its nature
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	name := canonicalHost(host)
	if isNumeric(name[strings.LastIndexByte(name, '.')+1:]) {
		return &deniedError{host, whyNumeric}
	}
	return nil
}

// isLocalhost tells the names that mean this machine whatever a name server says (RFC 6761).
func isLocalhost(host string) bool {
	name := canonicalHost(host)
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// isDenied finds the guard's word in what a connection failed with.
func isDenied(err error) (*deniedError, bool) {
	var denied *deniedError
	ok := errors.As(err, &denied)
	return denied, ok
}
