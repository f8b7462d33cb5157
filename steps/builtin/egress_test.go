package builtin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/sdk/go"
)

// errStopped is what a witness says that lets nobody be called.
var errStopped = errors.New("the test goes no further")

// watched is a guard that calls nobody, and the addresses that it would have called.
func watched(t testing.TB, cfg Egress, answers ...string) (*guard, *[]netip.AddrPort) {
	t.Helper()
	g, err := newGuard(cfg)
	must(t, err)
	dialled := new([]netip.AddrPort)
	g.witness = func(at netip.AddrPort) error {
		*dialled = append(*dialled, at)
		return errStopped
	}
	n := &nameServer{answers: []netip.Addr{netip.MustParseAddr("10.9.8.7")}}
	if len(answers) > 0 {
		n.answers = nil
		for _, a := range answers {
			n.answers = append(n.answers, netip.MustParseAddr(a))
		}
	}
	g.resolver = n.resolver()
	return g, dialled
}

// TestDeniedAddresses: whatever is not a public address, in all the spellings by which it hides, is denied, and nobody is
// called.
func TestDeniedAddresses(t *testing.T) {
	for _, address := range []string{
		// Metadata services, and IPv6 forms of the address.
		"http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/",
		"http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::1]/",
		"http://[2001:0:a9fe:a9fe::1]/", "http://[::169.254.169.254]/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
		"http://168.63.129.16/", "http://192.0.0.192/", "http://[2606:4700::5efe:a9fe:a9fe]/",
		// Loopback and unspecified.
		"http://127.0.0.1/", "http://127.8.8.8:8081/", "http://0.0.0.0/", "http://0.0.0.0:4222/", "http://[::1]/", "http://[::]/",
		"http://[::ffff:127.0.0.1]/", "http://[::ffff:0:7f00:1]/", "http://[64:ff9b::7f00:1]/", "http://localhost/", "http://LOCALHOST./",
		"http://a.localhost:6379/", "http://[0:0:0:0:0:0:0:1]/",
		// Numbers that are addresses to some.
		"http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.0.0.1./",
		"http://010.0.0.1/", "http://1.2.3/", "http://0x/",
		// Private and special ranges.
		"http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/",
		"http://[fc00::1]/", "http://[fd12:3456::1]/", "http://[fe80::1]/", "http://[fe80::1%25lo]/", "http://[fec0::1]/",
		"http://224.0.0.1/", "http://255.255.255.255/", "http://240.0.0.1/", "http://[ff02::1]/",
		"http://192.0.2.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://198.18.0.1/", "http://[2001:db8::1]/",
		"http://[3fff::1]/", "http://192.88.99.1/", "http://[5f00::1]/", "http://[100::1]/",
		// A name that leads inside (the name server of the test says 10.9.8.7).
		"http://inside.example/", "https://inside.example:8443/",
		// What is no call over HTTP to a host.
		"file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "ftp://example.com/", "unix:///var/run/docker.sock",
		"http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "dict://127.0.0.1:11211/", "//example.com/", "example.com", "http:example.com",
		"http://", "http:///path", "javascript:alert(1)", "data:text/plain,x",
		// Users, ports, control characters.
		"http://a@b.example/", "http://example.com@127.0.0.1/", "http://user:pass@example.com/", "http://@127.0.0.1/",
		"http://example.com:0/", "http://example.com:65536/", "http://example.com:-1/", "http://example.com:80:80/",
		"http://example.com/\r\nX-Injected: 1", "http://example.com/\nx", "http://example.com\r\n/", "http://exa mple.com/",
		"http://example.com/\x00", "http://127.0.0.1\\@example.com/", "http://example.com\\.evil.example/", " http://example.com/",
	} {
		g, dialled := watched(t, Egress{})
		_, err := get(context.Background(), g, address)
		e := coded(t, err, CodeEgressDenied, cordum.KindFatal)
		if e != nil && len(*dialled) > 0 {
			t.Errorf("%q: %v was called", address, *dialled)
		}
	}
}

// TestSpellings: what is an address to some is not looked up as a name, whatever a name server would say of it.
func TestSpellings(t *testing.T) {
	for _, host := range []string{
		"127.1", "2130706433", "0x7f.1", "0x7F000001", "0177.0.0.1", "127.0.0.1.", "1.2.3", "0x", "a.0", "a.1.", "127.\uff11", "\uff11\uff12\uff17\u30021",
		"a.localhost", "LOCALHOST.", "[fe80::1%25lo]", "[2606:4700::1111%25eth0]",
	} {
		g, dialled := watched(t, Egress{}, "93.184.215.14")
		_, err := get(context.Background(), g, "http://"+host+"/")
		coded(t, err, CodeEgressDenied, cordum.KindFatal)
		if len(*dialled) > 0 {
			t.Errorf("%s: called %v", host, *dialled)
		}
	}
}

// TestOpenAddresses: public ones are called, and nothing else than what was asked for.
func TestOpenAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"http://8.8.8.8/":                "8.8.8.8:80",
		"https://1.1.1.1/":               "1.1.1.1:443",
		"http://[2606:4700::1111]:8080/": "[2606:4700::1111]:8080",
		"http://[::ffff:8.8.8.8]/":       "8.8.8.8:80",
		"http://[64:ff9b::808:808]/":     "[64:ff9b::808:808]:80",
		"http://public.example/":         "93.184.215.14:80",
		"http://PUBLIC.example.:81/":     "93.184.215.14:81",
		"http://bücher.example/":         "93.184.215.14:80",
	} {
		g, dialled := watched(t, Egress{}, "93.184.215.14")
		_, err := get(context.Background(), g, address)
		if !errors.Is(err, errStopped) {
			coded(t, err, CodeConnection, cordum.KindRetryable)
		}
		if len(*dialled) == 0 || unmapped((*dialled)[0]).String() != want {
			t.Errorf("%s: called %v, want %s (%v)", address, *dialled, want, err)
		}
	}
}

func unmapped(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		allow, host, at string
		open            bool
	}{
		{"10.0.0.0/8", "x.example", "10.1.2.3:80", true},
		{"10.0.0.0/8", "x.example", "[::ffff:10.1.2.3]:80", true},
		{"10.0.0.0/8", "x.example", "11.1.2.3:80", true}, // public
		{"10.0.0.0/8", "x.example", "192.168.0.1:80", false},
		{"10.0.0.0/8", "x.example", "[64:ff9b::a01:203]:80", false},
		{"192.168.7.1", "x.example", "192.168.7.1:9", true},
		{"192.168.7.1", "x.example", "192.168.7.2:9", false},
		{"192.168.7.1:8080", "x.example", "192.168.7.1:8080", true},
		{"192.168.7.1:8080", "x.example", "192.168.7.1:8081", false},
		{"fd00::/8", "x.example", "[fd00::1]:80", true},
		{"fd00::1", "x.example", "[fd00::1]:80", true},
		{"[fd00::1]", "x.example", "[fd00::1]:80", true},
		{"[fd00::1]:80", "x.example", "[fd00::1]:81", false},
		{"ci.intranet", "ci.intranet", "10.0.0.1:80", true},
		{"CI.intranet.", "ci.INTRANET.", "10.0.0.1:80", true},
		{"ci.intranet", "www.ci.intranet", "10.0.0.1:80", false},
		{"ci.intranet:8443", "ci.intranet", "10.0.0.1:8443", true},
		{"ci.intranet:8443", "ci.intranet", "10.0.0.1:443", false},
		{"*.intranet", "a.b.intranet", "10.0.0.1:80", true},
		{"*.intranet", "intranet", "10.0.0.1:80", false},
		{"*.intranet", "evilintranet", "10.0.0.1:80", false},
		{"api-*.intranet", "api-7.intranet", "10.0.0.1:80", true},
		{"a*b*c.intranet", "aXbYc.intranet", "10.0.0.1:80", true},
		{"a*b*c.intranet", "aXc.intranet", "10.0.0.1:80", false},
		{"localhost", "localhost", "127.0.0.1:80", true},
		// A name never opens what its answers should not lead to; a range does.
		{"ci.intranet", "ci.intranet", "169.254.169.254:80", false},
		{"ci.intranet", "ci.intranet", "[fd00:ec2::254]:80", false},
		{"ci.intranet", "ci.intranet", "100.100.100.200:80", false},
		{"ci.intranet", "ci.intranet", "0.0.0.0:80", false},
		{"ci.intranet", "ci.intranet", "[fe80::1%lo]:80", false},
		{"169.254.169.254", "x.example", "169.254.169.254:80", true},
	} {
		g, err := newGuard(Egress{Allow: []string{c.allow}})
		must(t, err)
		if err := g.permit(c.host, netip.MustParseAddrPort(c.at)); (err == nil) != c.open {
			t.Errorf("%s, %s at %s: %v, want open %v", c.allow, c.host, c.at, err, c.open)
		}
	}
}

func TestBadRules(t *testing.T) {
	for _, text := range []string{
		"", "*", "*.*", "10.*", "10.0.0.1/8", "10.0.0", "example.com:0", "example.com:99999", "example.com:http", "http://example.com",
		"exa mple.com", "[::1", "fe80::1%lo", "::ffff:10.0.0.0/104", "intranet.*", "a/b", "bücher.example",
	} {
		if _, err := newGuard(Egress{Allow: []string{text}}); err == nil {
			t.Errorf("%q is a rule", text)
		}
	}
}

// TestOwnPorts: what this process listens on stays closed even where its address is open, by every address of the machine,
// unless a rule names the port.
func TestOwnPorts(t *testing.T) {
	own := Egress{Allow: []string{"127.0.0.0/8", "::1", "0.0.0.0/8", "10.0.0.0/8"}, Own: []uint16{8081, 4222}}
	for at, open := range map[string]bool{
		"127.0.0.1:8081": false, "127.0.0.1:4222": false, "[::1]:8081": false, "0.0.0.0:8081": false, "127.0.0.1:8082": true,
		"10.255.255.254:8081": true, // another machine's
	} {
		g, err := newGuard(own)
		must(t, err)
		if err := g.permit("x.example", netip.MustParseAddrPort(at)); (err == nil) != open {
			t.Errorf("%s: %v, want open %v", at, err, open)
		}
	}
	own.Allow = append(own.Allow, "127.0.0.1:8081")
	g, err := newGuard(own)
	must(t, err)
	must(t, g.permit("x.example", netip.MustParseAddrPort("127.0.0.1:8081")))
	if g.permit("x.example", netip.MustParseAddrPort("127.0.0.1:4222")) == nil {
		t.Error("another port is open, too")
	}
	addrs, err := net.InterfaceAddrs()
	must(t, err)
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !isThisMachine(netip.MustParseAddr(n.IP.String())) {
			t.Errorf("%s is not known as this machine's", a)
		}
	}
}

// TestRebinding: a name server that says a public address first and an inner one then has no say: every connection is
// decided on the address that it dials.
func TestRebinding(t *testing.T) {
	g, dialled := watched(t, Egress{}, "93.184.215.14", "169.254.169.254")
	_, err := get(context.Background(), g, "http://flips.example/")
	coded(t, err, CodeConnection, cordum.KindRetryable)
	_, err = get(context.Background(), g, "http://flips.example/")
	coded(t, err, CodeEgressDenied, cordum.KindFatal)
	if len(*dialled) != 1 {
		t.Errorf("called %v", *dialled)
	}
}

// TestRedirectsAreDecided: each hop is, however it is spelt.
func TestRedirectsAreDecided(t *testing.T) {
	for _, location := range []string{
		"http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://2852039166/", "http://10.0.0.1/",
		"file:///etc/passwd", "http://user@8.8.8.8/", "//169.254.169.254/", "http://inside.example/", "gopher://8.8.8.8/",
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
			fmt.Fprint(w, "the body of the redirect")
		})
		g := loopback(t)
		g.resolver = (&nameServer{answers: []netip.Addr{netip.MustParseAddr("10.9.8.7")}}).resolver()
		got, err := get(context.Background(), g, s.URL)
		e := coded(t, err, CodeEgressDenied, cordum.KindFatal)
		holdsNone(t, location, e.Error()+fmt.Sprint(got), "the body", "10.9.8.7")
	}
}

// TestNoProxyOfTheEnvironment: a proxy would make the connection in the guard's place.
func TestNoProxyOfTheEnvironment(t *testing.T) {
	if newCaller(&guard{}).client.Transport.(*http.Transport).Proxy != nil {
		t.Error("there is a proxy") // the environment's is read once in a process: what follows may come too late
	}
	proxied := false
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { proxied = true })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	g, dialled := watched(t, Egress{}, "93.184.215.14")
	_, err := get(context.Background(), g, "http://public.example/")
	coded(t, err, CodeConnection, cordum.KindRetryable)
	if proxied || len(*dialled) != 1 || (*dialled)[0].String() != "93.184.215.14:80" {
		t.Errorf("proxied %v, called %v", proxied, *dialled)
	}
}

// TestGlobIsLinear compares the matcher of names with the plain definition.
func TestGlobIsLinear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*.]{0,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab.]{0,10}`).Draw(t, "name")
		if got, want := matches(pattern, name), naiveMatch(pattern, name); got != want {
			t.Fatalf("%q and %q: %v, want %v", pattern, name, got, want)
		}
	})
	if matches(strings.Repeat("a*", 5000)+"b", strings.Repeat("a", 100_000)) {
		t.Error("matched")
	}
}

func naiveMatch(pattern, name string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		return naiveMatch(pattern[1:], name) || (name != "" && naiveMatch(pattern, name[1:]))
	}
	return name != "" && pattern[0] == name[0] && naiveMatch(pattern[1:], name[1:])
}

// FuzzEgressURL: whatever the address of a call and whatever the name server says, an address is dialled only if it is a
// public one. The oracle is written another way round than the code: by the standard library's own words.
func FuzzEgressURL(f *testing.F) {
	f.Add("http://169.254.169.254/", []byte{8, 8, 8, 8})
	f.Add("http://name.example/", []byte{169, 254, 169, 254})
	f.Fuzz(func(t *testing.T, address string, answer []byte) {
		a, ok := netip.AddrFromSlice(answer)
		if !ok {
			a = netip.AddrFrom4([4]byte{93, 184, 215, 14})
		}
		g, dialled := watched(t, Egress{}, a.String())
		got, err := get(soon(t), g, address)
		if err == nil || got != nil {
			t.Fatalf("%q has an answer: %v", address, got)
		}
		var e *cordum.Error
		if !errors.As(err, &e) {
			t.Fatalf("%q: no code: %v", address, err)
		}
		if len(*dialled) > 0 && e.Code == CodeEgressDenied {
			t.Logf("%q: one address was open, another denied", address)
		}
		for _, at := range *dialled {
			if why := special(at.Addr()); why != "" {
				t.Errorf("%q (%v) dials %v, which is %s", address, a, at, why)
			}
		}
	})
}

// special says why an address is not one of the public Internet; "" when it is.
func special(a netip.Addr) string {
	a = a.Unmap()
	if a.Is6() && netip.MustParsePrefix("64:ff9b::/96").Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case a.Zone() != "":
		return "of a zone"
	case a.IsLoopback():
		return "loopback"
	case a.IsPrivate():
		return "private"
	case a.IsLinkLocalUnicast(), a.IsLinkLocalMulticast(), a.IsInterfaceLocalMulticast():
		return "link-local"
	case a.IsMulticast():
		return "multicast"
	case a.IsUnspecified():
		return "unspecified"
	case !a.IsGlobalUnicast():
		return "not global"
	case a.Is6() && a.As16()[0]&0xe0 != 0x20:
		return "outside of what IPv6 routes"
	case a.Is6() && a.As16()[0] == 0x20 && (a.As16()[1] == 0x02):
		return "6to4"
	case a.Is6() && [4]byte(a.AsSlice()[:4]) == [4]byte{0x20, 1, 0, 0}:
		return "Teredo"
	case a.Is6() && [4]byte(a.AsSlice()[:4]) == [4]byte{0x20, 1, 0x0d, 0xb8}:
		return "documentation"
	case a.Is4() && (a.As4()[0] == 0 || a.As4()[0] >= 240):
		return "reserved"
	case a.Is4() && a.As4()[0] == 100 && a.As4()[1]&0xc0 == 64:
		return "shared"
	}
	for _, three := range [][3]byte{{192, 0, 0}, {192, 0, 2}, {198, 51, 100}, {203, 0, 113}} {
		if a.Is4() && [3]byte(a.AsSlice()[:3]) == three {
			return "for documentation or protocols"
		}
	}
	return ""
}
