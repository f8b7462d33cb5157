package bus_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"cordum.dev/cordum/bus"
)

// keyPair makes a key of a kind, and answers its public part and its seed.
func keyPair(t *testing.T, create func() (nkeys.KeyPair, error)) (key nkeys.KeyPair, public string, seed []byte) {
	t.Helper()
	key, err := create()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = key.PublicKey(); err != nil {
		t.Fatal(err)
	}
	if seed, err = key.Seed(); err != nil {
		t.Fatal(err)
	}
	return key, public, seed
}

// operated starts a server that trusts an operator, and makes credentials files of users of an account that the operator knows, and of
// one that it does not.
func operated(t *testing.T) (url, known, unknown string) {
	t.Helper()
	operator, operatorID, _ := keyPair(t, nkeys.CreateOperator)
	claims, err := jwt.DecodeOperatorClaims(encoded(t)(jwt.NewOperatorClaims(operatorID).Encode(operator)))
	if err != nil {
		t.Fatal(err)
	}
	resolver := &server.MemAccResolver{}
	file := func(name string, store bool) string {
		account, accountID, _ := keyPair(t, nkeys.CreateAccount)
		if store {
			if err := resolver.Store(accountID, encoded(t)(jwt.NewAccountClaims(accountID).Encode(operator))); err != nil {
				t.Fatal(err)
			}
		}
		_, userID, seed := keyPair(t, nkeys.CreateUser)
		creds, err := jwt.FormatUserConfig(encoded(t)(jwt.NewUserClaims(userID).Encode(account)), seed)
		if err != nil {
			t.Fatal(err)
		}
		return writeFile(t, name, creds)
	}
	known, unknown = file("known.creds", true), file("unknown.creds", false)
	url = external(t, func(o *server.Options) {
		o.TrustedOperators, o.AccountResolver = []*jwt.OperatorClaims{claims}, resolver
	})
	return url, known, unknown
}

func encoded(t *testing.T) func(string, error) string {
	return func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExternalKeys connects with credentials files and nkeys, right and wrong: what is wrong is said with the address or the file.
func TestExternalKeys(t *testing.T) {
	jwtURL, known, unknown := operated(t)
	_, nkeyID, seed := keyPair(t, nkeys.CreateUser)
	_, _, other := keyPair(t, nkeys.CreateUser)
	nkeyURL := external(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: nkeyID}} })
	for name, c := range map[string]struct {
		cfg  bus.ConnectConfig
		want []string // of the error; none: it is let in
	}{
		"credentials":            {bus.ConnectConfig{URL: jwtURL, CredsFile: known}, nil},
		"an unknown account's":   {bus.ConnectConfig{URL: jwtURL, CredsFile: unknown}, []string{jwtURL, "Authorization Violation"}},
		"no credentials":         {bus.ConnectConfig{URL: jwtURL}, []string{jwtURL, "Authorization Violation"}},
		"empty credentials file": {bus.ConnectConfig{URL: jwtURL, CredsFile: writeFile(t, "empty.creds", nil)}, []string{"empty.creds"}},
		"nkey":                   {bus.ConnectConfig{URL: nkeyURL, NKeyFile: writeFile(t, "right.nk", seed)}, nil},
		"another nkey":           {bus.ConnectConfig{URL: nkeyURL, NKeyFile: writeFile(t, "other.nk", other)}, []string{nkeyURL, "Authorization Violation"}},
		"no nkey":                {bus.ConnectConfig{URL: nkeyURL}, []string{nkeyURL, "Authorization Violation"}},
		"no nkey file":           {bus.ConnectConfig{URL: nkeyURL, NKeyFile: filepath.Join(t.TempDir(), "none.nk")}, []string{"none.nk"}},
		"no seed in it":          {bus.ConnectConfig{URL: nkeyURL, NKeyFile: writeFile(t, "text.nk", []byte("words"))}, []string{"text.nk", "no nkey seed"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := bus.Connect(c.cfg)
			if err == nil {
				defer func() { _ = b.Close() }()
			}
			if (err == nil) != (len(c.want) == 0) {
				t.Fatalf("%v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error has no %q: %v", want, err)
				}
			}
			if err == nil {
				if err := b.Flush(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
