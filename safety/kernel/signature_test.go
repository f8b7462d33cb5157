package kernel

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
)

var message = []byte("name: base\nversion: 1\nrules: []\n")

func p256Key(t testing.TB) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key, publicPEM(t, &key.PublicKey)
}

func publicPEM(t testing.TB, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func mustKeys(t testing.TB, text string) Keys {
	t.Helper()
	keys, err := ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// rs are the two numbers of an ECDSA signature.
type rs struct{ R, S *big.Int }

func (v rs) der(t testing.TB) []byte {
	t.Helper()
	raw, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func sign256(t testing.TB, key *ecdsa.PrivateKey, message []byte) rs {
	t.Helper()
	sum := sha256.Sum256(message)
	der, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	var v rs
	if _, err := asn1.Unmarshal(der, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What the vectors of signature libraries call invalid is refused; both values of s are taken on purpose.
func TestECDSASignatures(t *testing.T) {
	key, text := p256Key(t)
	keys := mustKeys(t, text)
	good := sign256(t, key, message)
	n := elliptic.P256().Params().N
	der := good.der(t)
	side := append(good.R.FillBytes(make([]byte, 32)), good.S.FillBytes(make([]byte, 32))...)
	longLength := slices.Concat([]byte{0x30, 0x81, byte(len(der) - 2)}, der[2:])
	indefinite := slices.Concat([]byte{0x30, 0x80}, der[2:], []byte{0, 0})
	padded := func() []byte { // r with a zero in front that it does not need
		r, s := append([]byte{0}, good.R.FillBytes(make([]byte, 32))...), good.S.FillBytes(make([]byte, 32))
		if r[1] >= 0x80 {
			r = append([]byte{0}, r...)
		}
		if s[0] >= 0x80 {
			s = append([]byte{0}, s...)
		}
		body := slices.Concat([]byte{2, byte(len(r))}, r, []byte{2, byte(len(s))}, s)
		return slices.Concat([]byte{0x30, byte(len(body))}, body)
	}()
	zero, one := big.NewInt(0), big.NewInt(1)
	for name, c := range map[string]struct {
		sig []byte
		ok  bool
	}{
		"as signed":                  {der, true},
		"the other s":                {rs{good.R, new(big.Int).Sub(n, good.S)}.der(t), true},
		"r is 0":                     {rs{zero, good.S}.der(t), false},
		"s is 0":                     {rs{good.R, zero}.der(t), false},
		"both are 0":                 {rs{zero, zero}.der(t), false},
		"both are 1":                 {rs{one, one}.der(t), false},
		"r is the order":             {rs{n, good.S}.der(t), false},
		"s is the order":             {rs{good.R, n}.der(t), false},
		"r plus the order":           {rs{new(big.Int).Add(good.R, n), good.S}.der(t), false},
		"s plus the order":           {rs{good.R, new(big.Int).Add(good.S, n)}.der(t), false},
		"r is negative":              {rs{new(big.Int).Neg(good.R), good.S}.der(t), false},
		"s is negative":              {rs{good.R, new(big.Int).Neg(good.S)}.der(t), false},
		"r and s swapped":            {rs{good.S, good.R}.der(t), false},
		"bytes behind":               {append(bytes.Clone(der), 0), false},
		"cut":                        {der[:len(der)-1], false},
		"length in the long form":    {longLength, false},
		"length without end":         {indefinite, false},
		"a zero that is not needed":  {padded, false},
		"r and s side by side":       {side, false},
		"nothing":                    {nil, false},
		"an empty sequence":          {[]byte{0x30, 0}, false},
		"of another message":         {sign256(t, key, []byte("other")).der(t), false},
		"of the hash, hashed again":  {func() []byte { s := sha256.Sum256(message); return sign256(t, key, s[:]).der(t) }(), false},
		"of another key":             {func() []byte { k, _ := p256Key(t); return sign256(t, k, message).der(t) }(), false},
		"64 bytes of anything":       {bytes.Repeat([]byte{7}, 64), false},
		"as signed, one bit changed": {func() []byte { b := bytes.Clone(der); b[len(b)-1] ^= 1; return b }(), false},
	} {
		for spelled, s := range map[string]string{"base64": base64.StdEncoding.EncodeToString(c.sig), "hex": hex.EncodeToString(c.sig)} {
			id, err := keys.Verify(message, s)
			if (err == nil) != c.ok || (id == keys[0].ID) != c.ok {
				t.Errorf("%s in %s: %v", name, spelled, err)
			}
			if err != nil {
				wantErr(t, err, ErrBadSignature)
			}
		}
	}
}

func TestEd25519Signatures(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := mustKeys(t, base64.StdEncoding.EncodeToString(public))
	good := ed25519.Sign(private, message)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	plus := func() []byte { // s plus the order means the same number
		s := slices.Clone(good[32:])
		slices.Reverse(s)
		raw := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
		slices.Reverse(raw)
		return slices.Concat(good[:32], raw)
	}()
	for name, c := range map[string]struct {
		sig []byte
		ok  bool
	}{
		"as signed":              {good, true},
		"s plus the order":       {plus, false},
		"s is 0":                 {append(slices.Clone(good[:32]), make([]byte, 32)...), false},
		"r is 0":                 {append(make([]byte, 32), good[32:]...), false},
		"all zero":               {make([]byte, 64), false},
		"cut":                    {good[:63], false},
		"bytes behind":           {append(slices.Clone(good), 0), false},
		"the high bit of s":      {func() []byte { b := slices.Clone(good); b[63] |= 0x80; return b }(), false},
		"of the hash":            {func() []byte { s := sha256.Sum256(message); return ed25519.Sign(private, s[:]) }(), false},
		"of a message with more": {ed25519.Sign(private, append(slices.Clone(message), '\n')), false},
	} {
		if _, err := keys.Verify(message, base64.RawURLEncoding.EncodeToString(c.sig)); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key of small order verifies signatures that anybody can make, so none is taken.
func TestKeysOfSmallOrderAreRefused(t *testing.T) {
	identity := make([]byte, 32)
	identity[0] = 1
	forged := append(slices.Clone(identity), make([]byte, 32)...) // R is the identity too, s is 0
	if !ed25519.Verify(identity, message, forged) {
		t.Fatal("the forgery does not verify: the test is about nothing")
	}
	for _, point := range smallOrder {
		for _, sign := range []byte{0, 0x80} {
			weak := slices.Clone(point)
			weak[31] |= sign
			if _, err := ParseKeys(hex.EncodeToString(weak)); err == nil {
				t.Errorf("%x was taken", weak)
			}
		}
	}
}

func TestKeysAreReadInEverySpelling(t *testing.T) {
	ec, text := p256Key(t)
	public, _, _ := ed25519.GenerateKey(rand.Reader)
	ecDER, _ := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	edDER, _ := x509.MarshalPKIXPublicKey(public)
	std := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		text string
		n    int
	}{
		"nothing":             {"", 0},
		"PEM":                 {text, 1},
		"two PEM blocks":      {text + publicPEM(t, public), 2},
		"DER as base64":       {std(ecDER) + "," + std(edDER), 2},
		"DER as hex":          {hex.EncodeToString(edDER), 1},
		"Ed25519 as base64":   {std(public), 1},
		"Ed25519 without pad": {base64.RawURLEncoding.EncodeToString(public) + " \n", 1},
		"Ed25519 as hex":      {hex.EncodeToString(public), 1},
	} {
		keys, err := ParseKeys(c.text)
		if err != nil || len(keys) != c.n {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
	}
	if a, b := mustKeys(t, std(public)), mustKeys(t, publicPEM(t, public)); a[0].ID != b[0].ID {
		t.Error("one key in two spellings has two ids")
	}
	other, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	weak, _ := rsa.GenerateKey(rand.Reader, 2048)
	private, _ := x509.MarshalPKCS8PrivateKey(ec)
	for name, bad := range map[string]string{
		"another curve":     publicPEM(t, &other.PublicKey),
		"RSA":               publicPEM(t, &weak.PublicKey),
		"a private key":     string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"31 bytes":          hex.EncodeToString(public[:31]),
		"a path":            "../../etc/passwd",
		"no base64":         "%%%",
		"broken PEM":        strings.Replace(text, "-----END", "----END", 1),
		"text behind a PEM": text + "more",
		"a cut DER":         std(ecDER[:len(ecDER)-1]),
		"too many":          strings.Repeat(std(public)+",", MaxKeys+1),
	} {
		if keys, err := ParseKeys(bad); err == nil {
			t.Errorf("%s was taken as %d keys", name, len(keys))
		}
	}
}

func FuzzVerify(f *testing.F) {
	key, text := p256Key(f)
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	keys := mustKeys(f, text+publicPEM(f, public))
	f.Add([]byte("m"), hex.EncodeToString(sign256(f, key, []byte("m")).der(f)))
	f.Add([]byte("m"), hex.EncodeToString(ed25519.Sign(private, []byte("m"))))
	f.Add([]byte{}, "")
	f.Add([]byte("m"), "30060201000201 00")
	f.Fuzz(func(t *testing.T, m []byte, signature string) {
		if _, err := keys.Verify(append(m, 'x'), signature); err == nil {
			t.Fatal("a signature of something else verifies")
		}
	})
}
