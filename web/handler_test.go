package web

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestHandlerServesThePage(t *testing.T) {
	h := Handler()
	for _, tc := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/index.html", 200, "text/html; charset=utf-8"},
		{"GET", "/app.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/app.css", 200, "text/css; charset=utf-8"},
		{"GET", "/icon.svg", 200, "image/svg+xml"},
		{"GET", "/missing.js", 404, "text/plain; charset=utf-8"},
		{"GET", "/../handler.go", 404, "text/plain; charset=utf-8"},
		{"POST", "/", 405, "text/plain; charset=utf-8"},
	} {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest(tc.method, "http://localhost/", nil)
		r.URL.Path = tc.path
		h.ServeHTTP(rec, r)
		if rec.Code != tc.status || rec.Header().Get("Content-Type") != tc.contentType {
			t.Errorf("%s %s: %d %q, want %d %q", tc.method, tc.path, rec.Code, rec.Header().Get("Content-Type"), tc.status, tc.contentType)
		}
		if tc.method == "HEAD" && rec.Body.Len() != 0 {
			t.Errorf("HEAD %s answered a body", tc.path)
		}
	}
}

func TestHandlerRevalidates(t *testing.T) {
	h := Handler()
	first := httptest.NewRecorder()
	h.ServeHTTP(first, httptest.NewRequest("GET", "/app.js", nil))
	etag := first.Header().Get("ETag")
	for given, want := range map[string]int{etag: 304, "W/" + etag: 304, `"x", ` + etag: 304, `"x"`: 200, "": 200} {
		r := httptest.NewRequest("GET", "/app.js", nil)
		r.Header.Set("If-None-Match", given)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != want {
			t.Errorf("If-None-Match %q: %d, want %d", given, rec.Code, want)
		}
	}
}

// A policy that forbids inline code is of use only while the page has none, and text from a run must never become HTML.
func TestPageHasNothingInline(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		".html": regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<\s]|<style|\sstyle=|\son[a-z]+=|https?://`),
		".js":   regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://[^w]`),
	}
	seen := 0
	for name, file := range load() {
		for ext, pattern := range forbidden {
			if !strings.HasSuffix(name, ext) {
				continue
			}
			seen++
			if hit := pattern.Find(file.body); hit != nil {
				t.Errorf("%s contains %q", name, hit)
			}
		}
	}
	if seen < 8 {
		t.Fatalf("only %d files were checked", seen)
	}
	rec := httptest.NewRecorder()
	Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if got := rec.Header().Get("Content-Security-Policy"); got != ContentSecurityPolicy {
		t.Errorf("policy %q", got)
	}
}

func ExampleHandler() {
	server := httptest.NewServer(Handler())
	defer server.Close()
	answer, err := http.Get(server.URL)
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(page[:15]))
	// Output: <!doctype html>
}
