package scan

import (
	"bytes"
	"strings"
	"testing"
)

// BenchmarkFind says how many bytes a second are scanned: of a result as results mostly are, and of the worst text we know.
func BenchmarkFind(b *testing.B) {
	row := `{"id":"c_01J9","name":"Müller & Söhne","note":"The order was shipped on 2026-11-02 and arrived.\nThank you for your patience.","total":1249.5,"tags":["new","b2b"]},`
	docs := map[string][]byte{
		"records":  []byte("[" + strings.TrimSuffix(strings.Repeat(row, 1<<20/len(row)), ",") + "]"),
		"long":     []byte(`"` + strings.Repeat("Lorem ipsum dolor sit amet, consectetur adipiscing elit. ", 1<<20/57) + `"`),
		"escapes":  []byte(`"` + strings.Repeat(`a line\n`, 1<<20/8) + `"`),
		"digits":   []byte(`"` + strings.Repeat("4 ", 1<<19) + `"`),
		"keywords": []byte(`"` + strings.Repeat("pwd=$ ignore all ", 1<<20/17) + `"`),
		"findings": []byte(`"` + strings.Repeat("ann@example.com ", 1<<20/16) + `"`),
	}
	for _, name := range []string{"records", "long", "escapes", "digits", "keywords", "findings"} {
		doc := docs[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				if _, err := Of(Scanners...).Find(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("redact", func(b *testing.B) {
		doc := bytes.ReplaceAll(docs["records"], []byte("c_01J9"), []byte("ann@example.com"))
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			if _, _, err := Of(Scanners...).Redact(doc, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
