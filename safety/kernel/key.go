package kernel

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Keys are the public keys of those who may sign bundles. The zero value trusts nobody.
type Keys []Key

// Key is one public key: ECDSA on P-256, or Ed25519.
type Key struct {
	// ID is the beginning of the SHA-256 of the key as SubjectPublicKeyInfo, in hex. It only names the key to people: a
	// signature names none, it is tried with each.
	ID string

	p256    *ecdsa.PublicKey
	ed25519 ed25519.PublicKey
}

// ParseKeys reads what SAFETY_POLICY_PUBLIC_KEY may hold: PEM blocks "PUBLIC KEY", or, separated by commas or white space,
// SubjectPublicKeyInfo in DER as base64, and bare Ed25519 keys of 32 bytes as base64 or hex. Nothing in it is none.
func ParseKeys(text string) (Keys, error) {
	var keys Keys
	add := func(k Key, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("public key %d: %w", len(keys)+1, err)
		case len(keys) == MaxKeys:
			return fmt.Errorf("more than %d public keys", MaxKeys)
		}
		keys = append(keys, k)
		return nil
	}
	if strings.Contains(text, "-----BEGIN") {
		for rest := []byte(text); len(bytes.TrimSpace(rest)) > 0; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				return nil, errors.New("public key: text beside the PEM blocks, or a broken one")
			}
			if block.Type != "PUBLIC KEY" {
				return nil, fmt.Errorf("public key: a PEM block %q is no public key: write it with openssl pkey -pubout", block.Type)
			}
			if err := add(keyOfDER(block.Bytes)); err != nil {
				return nil, err
			}
		}
		return keys, nil
	}
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\t' || c == '\r' }) {
		raw, err := decodeText(word)
		if err != nil {
			return nil, fmt.Errorf("public key %d is neither PEM, base64 nor hex", len(keys)+1)
		}
		read := keyOfDER
		if len(raw) == ed25519.PublicKeySize {
			read = keyOfEd25519
		}
		if err := add(read(raw)); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// keyOfDER reads SubjectPublicKeyInfo.
func keyOfDER(der []byte) (Key, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return Key{}, errors.New("it is no public key in DER (SubjectPublicKeyInfo)")
	}
	switch k := parsed.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return Key{}, fmt.Errorf("its curve is %s: use P-256 or Ed25519", k.Curve.Params().Name)
		}
		return Key{ID: keyID(der), p256: k}, nil
	case ed25519.PublicKey:
		return keyOfEd25519(k)
	}
	return Key{}, fmt.Errorf("it is a %T: use ECDSA on P-256, or Ed25519", parsed)
}

// keyOfEd25519 reads a bare key. A point of small order is refused: signatures that verify with it can be made by anybody.
func keyOfEd25519(raw []byte) (Key, error) {
	for _, weak := range smallOrder {
		if sameButSign(raw, weak) {
			return Key{}, errors.New("it is a point of small order, for which anybody can sign")
		}
	}
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(raw))
	if err != nil {
		return Key{}, fmt.Errorf("it is no Ed25519 key: %w", err)
	}
	return Key{ID: keyID(der), ed25519: bytes.Clone(raw)}, nil
}

func keyID(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:8])
}

// smallOrder are the encodings of the points of small order of edwards25519, two of them not canonical, without the bit of
// the sign.
var smallOrder = func() [][]byte {
	var points [][]byte
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		p, err := hex.DecodeString(s)
		if err != nil {
			panic(err)
		}
		points = append(points, p)
	}
	return points
}()

// sameButSign compares two encoded points without the bit of the sign.
func sameButSign(a, b []byte) bool {
	last := ed25519.PublicKeySize - 1
	return len(a) == len(b) && bytes.Equal(a[:last], b[:last]) && a[last]&0x7f == b[last]&0x7f
}

// decodeText reads hex, or base64 in any of its usual spellings.
func decodeText(s string) ([]byte, error) {
	if raw, err := hex.DecodeString(s); err == nil {
		return raw, nil
	}
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "-_") {
		return base64.RawURLEncoding.Strict().DecodeString(s)
	}
	return base64.RawStdEncoding.Strict().DecodeString(s)
}
