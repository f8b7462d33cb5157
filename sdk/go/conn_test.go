package cordum

import (
	"strings"
	"testing"
)

// TestAddressesWithoutUsers: where a worker cannot connect is said without what it shows there.
func TestAddressesWithoutUsers(t *testing.T) {
	for servers, want := range map[string]string{
		"nats://127.0.0.1:4222":                   "nats://127.0.0.1:4222",
		"nats://ann:s3cret@a:4222,tls://token@b":  "nats://a:4222,tls://b",
		"ann:s3@cret@a:4222":                      "a:4222",
		"nats://ann:s3@cret@a:4222,127.0.0.1:422": "nats://a:4222,127.0.0.1:422",
		"a:4222, nats://ann:s3cret@b:4222":        "a:4222,nats://b:4222",
	} {
		if got := withoutUsers(servers); got != want {
			t.Errorf("%q is said as %q, want %q", servers, got, want)
		}
	}
}

// TestUnreadableAddress: an address that cannot be read is not quoted, as a password may be in it.
func TestUnreadableAddress(t *testing.T) {
	for _, server := range []string{"nats://ann:s3cret@a:port", "nats://ann:s3%cret@a:4222", "nats://ann:s3 cret@a:4222", "nats://ann:s3cret\x01@a"} {
		cfg, err := WorkerConfig{ID: "w1", URL: server}.filled()
		if err == nil {
			_, _, err = cfg.connect()
		}
		if err == nil || strings.Contains(err.Error(), "cret") || strings.Contains(err.Error(), "ann:") || !strings.Contains(err.Error(), "nats://a") {
			t.Errorf("%q: %v", server, err)
		}
	}
}
