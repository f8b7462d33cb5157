package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// ParsePrivateKey reads the key that heads are signed with: a PEM block of PKCS #8 ("openssl genpkey -algorithm ed25519"), or
// the 32 bytes of its seed in base64 or hexadecimal.
func ParsePrivateKey(text string) (ed25519.PrivateKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("audit: the private key cannot be read: %w", err)
		}
		if k, ok := key.(ed25519.PrivateKey); ok {
			return k, nil
		}
		return nil, errors.New("audit: the private key is none of Ed25519; make one with: openssl genpkey -algorithm ed25519")
	}
	seed := rawKey(text)
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("audit: the private key is neither PEM nor 32 bytes in base64 or hexadecimal; make one with: openssl genpkey -algorithm ed25519")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// ParsePublicKey reads the key that heads are checked with: a PEM block of PKIX ("openssl pkey -pubout"), or its 32 bytes in
// base64 or hexadecimal.
func ParsePublicKey(text string) (ed25519.PublicKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("audit: the public key cannot be read: %w", err)
		}
		if k, ok := key.(ed25519.PublicKey); ok {
			return k, nil
		}
		return nil, errors.New("audit: the public key is none of Ed25519")
	}
	raw := rawKey(text)
	if len(raw) != ed25519.PublicKeySize {
		return nil, errors.New("audit: the public key is neither PEM nor 32 bytes in base64 or hexadecimal")
	}
	return raw, nil
}

// rawKey reads 32 bytes written as hexadecimal or base64; nil when they are not.
func rawKey(text string) []byte {
	text = strings.TrimSpace(text)
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == sha256.Size {
		return raw
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if raw, err := enc.DecodeString(text); err == nil && len(raw) == sha256.Size {
			return raw
		}
	}
	return nil
}

// Fingerprint names a public key: the first 16 bytes of its SHA-256, in hexadecimal.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:16])
}

// PublicPEM writes a public key as openssl does.
func PublicPEM(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("audit: encode a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// Signer signs heads, cuts and evidence. Its zero value signs nothing: what it makes says so.
type Signer struct{ key ed25519.PrivateKey }

// NewSigner makes a signer of a private key; nil signs nothing.
func NewSigner(key ed25519.PrivateKey) Signer { return Signer{key} }

// Signs tells whether there is a key.
func (s Signer) Signs() bool { return s.key != nil }

// Public is the key to check with; nil without a key.
func (s Signer) Public() ed25519.PublicKey {
	if s.key == nil {
		return nil
	}
	return s.key.Public().(ed25519.PublicKey)
}

// name is the key's fingerprint; "" without a key.
func (s Signer) name() string {
	if s.key == nil {
		return ""
	}
	return Fingerprint(s.Public())
}

// sign signs a digest under a tag that says what is signed.
func (s Signer) sign(tag string, digest Hash) []byte {
	if s.key == nil {
		return nil
	}
	return ed25519.Sign(s.key, signed(tag, digest))
}

func signed(tag string, digest Hash) []byte { return append([]byte(tag+"\x00"), digest[:]...) }

// Errors of a signature.
var (
	// ErrUnsigned says that nobody signed.
	ErrUnsigned = errors.New("audit: it is not signed")
	// ErrSignature says that the signature is not the key's over this content.
	ErrSignature = errors.New("audit: the signature does not fit the key and the content")
)

// verifies checks a signature with a public key.
func verifies(key ed25519.PublicKey, tag string, digest Hash, signature []byte) error {
	switch {
	case len(signature) == 0:
		return ErrUnsigned
	case len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, signed(tag, digest), signature):
		return ErrSignature
	}
	return nil
}
