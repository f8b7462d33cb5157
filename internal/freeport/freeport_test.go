package freeport

import (
	"net"
	"testing"
)

// TestAddrIsOneTests: an address is given to one test at a time, can be listened on again and again, and comes back.
func TestAddrIsOneTests(t *testing.T) {
	seen := map[string]bool{}
	t.Run("holds", func(t *testing.T) {
		for range 100 {
			addr := Addr(t)
			if seen[addr] {
				t.Fatalf("%s was given twice", addr)
			}
			seen[addr] = true
			for range 2 {
				ln, err := net.Listen("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				ln.Close()
			}
		}
		if len(ours) != len(seen) {
			t.Errorf("%d ports are held, want %d", len(ours), len(seen))
		}
	})
	if len(ours) != 0 {
		t.Errorf("%d ports are held when their test has ended", len(ours))
	}
}

// TestClaimLeavesWhatIsTaken: neither a port that somebody listens on nor one that is marked is given out.
func TestClaimLeavesWhatIsTaken(t *testing.T) {
	var port int
	t.Run("choose", func(t *testing.T) { // free again when this has ended, and outside what the system gives to others
		addr, err := net.ResolveTCPAddr("tcp", Addr(t))
		if err != nil {
			t.Fatal(err)
		}
		port = addr.Port
	})
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, ok := claim(port); ok {
		t.Error("a port that somebody listens on was given")
	}
	ln.Close()
	release, ok := claim(port)
	if !ok {
		t.Fatal("a free port was not given")
	}
	if _, ok := claim(port); ok {
		t.Error("a port was given twice")
	}
	release()
}
