package openapi_test

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"cordum.dev/cordum/openapi"
)

func TestFilesAreCurrent(t *testing.T) {
	files, err := openapi.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		have, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s is not current; run go generate ./openapi and review the difference", name)
		}
	}
}

func TestRenderingIsStable(t *testing.T) {
	one, err := openapi.Files()
	if err != nil {
		t.Fatal(err)
	}
	two, err := openapi.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name := range one {
		if !bytes.Equal(one[name], two[name]) {
			t.Errorf("%s differs between two renderings", name)
		}
	}
}

func TestVersions(t *testing.T) {
	files, err := openapi.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, version := range map[string]string{"openapi.yaml": "3.1.0", "openapi-3.0.yaml": "3.0.3"} {
		if !regexp.MustCompile(`(?m)^openapi: "?` + regexp.QuoteMeta(version) + `"?$`).Match(files[name]) {
			t.Errorf("%s does not say that it is OpenAPI %s", name, version)
		}
	}
}
