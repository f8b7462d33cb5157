package storetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"testing"

	"cordum.dev/cordum/store"
)

func testBlobs(t *testing.T, s store.Store) {
	for name, data := range map[string][]byte{
		"empty": {}, "small": []byte("hello"), "zeros": make([]byte, 1<<20), "largest": bytes.Repeat([]byte("0123456789abcdef"), store.MaxValueBytes/16),
	} {
		sum := sha256.Sum256(data)
		want := store.DigestPrefix + hex.EncodeToString(sum[:])
		for range 2 { // the second time is the same blob
			digest, err := s.PutBlob(ctx(t), 0, tenantA, data)
			if err != nil || digest != want {
				t.Errorf("PutBlob(%s) = %s, %v, want %s", name, digest, err, want)
			}
		}
		got, err := s.GetBlob(ctx(t), 0, tenantA, want)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("GetBlob(%s): %d bytes, %v", name, len(got), err)
		}
	}
	for _, digest := range []string{
		"", "sha256:", "hello", strings.Repeat("0", 64), "sha256:" + strings.Repeat("0", 63), "sha256:" + strings.Repeat("0", 65),
		"sha256:" + strings.Repeat("A", 64), "sha256:" + strings.Repeat("g", 64), "sha512:" + strings.Repeat("0", 64),
	} {
		_, err := s.GetBlob(ctx(t), 0, tenantA, digest)
		wantErr(t, "GetBlob of digest "+digest, err, store.ErrInvalid)
	}
	_, err := s.GetBlob(ctx(t), 0, tenantA, store.DigestPrefix+strings.Repeat("0", 64))
	wantErr(t, "GetBlob of what was never put", err, store.ErrNotFound)

	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.PutBlob(ctx(t), 1, tenantA, []byte("all at once")); err != nil {
				t.Errorf("concurrent PutBlob: %v", err)
			}
		})
	}
	wg.Wait()
}
