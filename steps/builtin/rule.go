package builtin

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// rule opens addresses that would be denied: those of a range, or those of a host by its name. A port of 0 is any.
type rule struct {
	net  netip.Prefix // valid for a range; else
	host string       // a name in lower case, "*" in it stands for any characters
	port uint16
}

// parseRule reads an exception: a range ("10.0.0.0/8"), an address ("192.168.7.1", "[fd00::1]:9000") or a host
// ("ci.intranet.example", "*.intranet.example:8443").
func parseRule(text string) (rule, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		if p.Addr().Is4In6() {
			return rule{}, fmt.Errorf("%q: write the range of IPv4 addresses", text)
		}
		if p != p.Masked() {
			return rule{}, fmt.Errorf("%q has bits behind its length: write %s", text, p.Masked())
		}
		return rule{net: p}, nil
	}
	host, port, err := splitPort(text)
	if err != nil {
		return rule{}, err
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return rule{}, fmt.Errorf("%q: an address with a zone cannot be opened", text)
		}
		return rule{net: netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), port: port}, nil
	}
	host = canonicalHost(host)
	if err := checkHostPattern(host); err != nil {
		return rule{}, fmt.Errorf("%q: %w", text, err)
	}
	return rule{host: host, port: port}, nil
}

// splitPort takes a port off; a bare IPv6 address has none.
func splitPort(text string) (host string, port uint16, err error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Is6() {
		return text, 0, nil
	}
	if bare, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(bare, "]") {
		return strings.TrimSuffix(bare, "]"), 0, nil
	}
	if !strings.Contains(text, ":") {
		return text, 0, nil
	}
	host, name, err := net.SplitHostPort(text)
	if err != nil {
		return "", 0, fmt.Errorf("%q is neither a range, an address nor HOST:PORT", text)
	}
	n, err := strconv.ParseUint(name, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q: a port is 1 to 65535", text)
	}
	return host, uint16(n), nil
}

func checkHostPattern(host string) error {
	for _, c := range []byte(host) {
		if !isHostByte(c) && c != '*' {
			return fmt.Errorf("a host is a name of letters, digits, hyphens and dots, with * for any of them; a range is written as 10.0.0.0/8")
		}
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "":
		return fmt.Errorf("the host is empty")
	case strings.Contains(last, "*"):
		return fmt.Errorf("the last part of a name holds no *: name the domain, or a range such as 10.0.0.0/8")
	case isNumeric(last):
		return fmt.Errorf("a range of addresses is written as 10.0.0.0/8")
	}
	return nil
}

func isHostByte(c byte) bool {
	return c == '-' || c == '.' || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
}

// opens tells whether the rule is for this address, reached under this name.
func (r rule) opens(host string, at netip.AddrPort) bool {
	if r.port != 0 && r.port != at.Port() {
		return false
	}
	if r.net.IsValid() {
		return r.net.Contains(at.Addr())
	}
	return matches(r.host, host) && !within(at.Addr(), closed)
}

// matches tells whether a name fits a pattern in which * stands for any characters. It takes time linear in both.
func matches(pattern, name string) bool {
	first, rest, starred := strings.Cut(pattern, "*")
	if !starred {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	for ok {
		var middle string
		if middle, rest, starred = strings.Cut(rest, "*"); !starred {
			return strings.HasSuffix(name, middle)
		}
		_, name, ok = strings.Cut(name, middle)
	}
	return false
}

// canonicalHost is a name as it is compared: lower case, without the dot at the end.
func canonicalHost(host string) string {
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// isNumeric tells a part of a name that is read as a number by what looks names up: then the whole is an IPv4 address
// in one of its older spellings, such as 2130706433, 0x7f.1 or 127.1 (the URL standard, "ends in a number").
func isNumeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return label != "" && strings.Trim(label, "0123456789") == ""
}
