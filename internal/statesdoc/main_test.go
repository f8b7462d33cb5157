package main

import (
	"os"
	"strings"
	"testing"
)

// TestPageIsCurrent: what the tables say is what docs/states.md shows.
func TestPageIsCurrent(t *testing.T) {
	want, err := render()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/states.md is not current: run make gen")
	}
}

// TestMissingSentence: a state that nobody describes is an error.
func TestMissingSentence(t *testing.T) {
	m := machines()[len(machines())-1]
	m.says = map[string]string{"waiting": "…"}
	if err := m.write(new(strings.Builder)); err == nil {
		t.Error("a machine without sentences was written")
	}
}
