package kernel

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Verify tells which key signed a message: the signature is over exactly these bytes. For ECDSA it is DER over the SHA-256
// of the message, for Ed25519 the 64 bytes of RFC 8032; written as base64 or hex. ErrBadSignature when no key did.
//
// What is refused: r or s that is 0 or not below the order, DER that is not the shortest or has bytes behind it, r and s
// side by side without DER, an Ed25519 s that is not below the order. Both s and its negative are taken for ECDSA, as
// signers give either: a signature is no identity here, so that a second one of the same bytes tells nothing new.
func (keys Keys) Verify(message []byte, signature string) (keyID string, err error) {
	raw, err := decodeText(strings.Join(strings.Fields(signature), ""))
	if err != nil || len(signature) > MaxSignature {
		return "", fmt.Errorf("%w: it is neither base64 nor hex", ErrBadSignature)
	}
	for i := range keys {
		if keys[i].verify(message, raw) {
			return keys[i].ID, nil
		}
	}
	if len(raw) == 64 && !keys.hasEd25519() {
		return "", fmt.Errorf("%w: 64 bytes are no ECDSA signature in DER; write it as openssl dgst -sha256 -sign does", ErrBadSignature)
	}
	return "", fmt.Errorf("%w with any of the configured keys, over exactly the bytes that were sent", ErrBadSignature)
}

func (k *Key) verify(message, signature []byte) bool {
	if k.p256 != nil {
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(k.p256, sum[:], signature)
	}
	return len(signature) == ed25519.SignatureSize && ed25519.Verify(k.ed25519, message, signature)
}

func (keys Keys) hasEd25519() bool {
	for i := range keys {
		if keys[i].ed25519 != nil {
			return true
		}
	}
	return false
}

// IDs are the ids of the keys.
func (keys Keys) IDs() []string {
	ids := make([]string, len(keys))
	for i := range keys {
		ids[i] = keys[i].ID
	}
	return ids
}

// verify checks the signature of one source as the configuration asks, and notes which key made it.
func (c *Config) verify(s *Text) error {
	s.SignedBy = ""
	switch {
	case s.Signature == "" && c.SignatureRequired:
		return fmt.Errorf("%s: %w", s.Name, ErrSignatureRequired)
	case s.Signature == "" || len(c.Keys) == 0:
		return nil
	}
	id, err := c.Keys.Verify([]byte(s.Text), s.Signature)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	s.SignedBy = id
	return nil
}

// signatureText is a signature of a file as text: one that is bytes is written as hex.
func signatureText(raw []byte) string {
	text := strings.Join(strings.Fields(string(raw)), "")
	if _, err := decodeText(text); err == nil {
		return text
	}
	return hex.EncodeToString(raw)
}
