package builtin

import "net/netip"

// notPublic are ranges within what looks like the public Internet that lead elsewhere: the special-purpose registries
// of IANA (RFC 6890), and the addresses at which clouds answer their own machines.
var notPublic = prefixes(
	"0.0.0.0/8",         // this network, RFC 791
	"10.0.0.0/8",        // private, RFC 1918
	"100.64.0.0/10",     // carrier-grade NAT, RFC 6598; a cloud's metadata service lives here, too
	"127.0.0.0/8",       // loopback, RFC 1122
	"168.63.129.16/32",  // a cloud's platform service, reached from its machines only
	"169.254.0.0/16",    // link-local, RFC 3927: metadata services
	"172.16.0.0/12",     // private, RFC 1918
	"192.0.0.0/24",      // protocol assignments, RFC 6890
	"192.0.2.0/24",      // documentation, RFC 5737
	"192.88.99.0/24",    // 6to4 relays, RFC 7526
	"192.168.0.0/16",    // private, RFC 1918
	"198.18.0.0/15",     // benchmarks, RFC 2544
	"198.51.100.0/24",   // documentation, RFC 5737
	"203.0.113.0/24",    // documentation, RFC 5737
	"224.0.0.0/4",       // multicast, RFC 5771
	"240.0.0.0/4",       // reserved and broadcast, RFC 1112, RFC 919
	"2001::/23",         // protocol assignments, RFC 2928: Teredo, benchmarks, ORCHID
	"2001:db8::/32",     // documentation, RFC 3849
	"2002::/16",         // 6to4, RFC 3056: leads to the IPv4 address inside
	"3fff::/20",         // documentation, RFC 9637
	"2620:4f:8000::/48", // AS112, RFC 7534: answers for private names
)

// closed are ranges that a rule opens only by naming addresses, never by the name of a host: whoever answers for a name
// could send the worker to a metadata service.
var closed = prefixes(
	"0.0.0.0/8", "100.100.100.200/32", "168.63.129.16/32", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "fe80::/10", "fd00:ec2::/32", "ff00::/8",
)

var (
	// globalUnicast is what IPv6 routes on the Internet (RFC 4291); everything else is special.
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// nat64 leads to the IPv4 address in its last four bytes (RFC 6052), which decides.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

func within(a netip.Addr, ranges []netip.Prefix) bool {
	for _, r := range ranges {
		if r.Contains(a) {
			return true
		}
	}
	return false
}

// isPublic tells whether an address is one of the public Internet, for which no rule is needed. What it does not know is
// not public.
func isPublic(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if nat64.Contains(a) {
		a = embedded(a)
	}
	if a.Is6() && (!globalUnicast.Contains(a) || isISATAP(a)) {
		return false
	}
	return !within(a, notPublic)
}

// embedded is the IPv4 address in the last four bytes.
func embedded(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// isISATAP tells an address that leads, by a tunnel, to the IPv4 address in its last four bytes (RFC 5214).
func isISATAP(a netip.Addr) bool {
	b := a.As16()
	return b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}
