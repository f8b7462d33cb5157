package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// outputNames are the values of -o.
var outputNames = []string{"table", "json", "jsonl", "yaml", "name"}

// doc is an answer both decoded and as the server wrote it: what is printed as JSON is what the server said, with the
// fields that this binary does not know.
type doc[T any] struct {
	V   T
	raw json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *doc[T]) UnmarshalJSON(raw []byte) error {
	d.raw = bytes.Clone(raw)
	return json.Unmarshal(raw, &d.V)
}

// MarshalJSON implements json.Marshaler.
func (d doc[T]) MarshalJSON() ([]byte, error) {
	if d.raw != nil {
		return d.raw, nil
	}
	return json.Marshal(d.V)
}

// page is a page of a list.
type page[T any] struct {
	Items      []doc[T] `json:"items"`
	NextCursor string   `json:"next_cursor,omitempty"`
}

// view says how one kind of thing looks: its name for -o name, its table, and what is said of one alone.
type view[T any] struct {
	name   func(T) string
	header []string
	row    func(*printer, T) []cell
	detail func(*printer, T) // nil: one alone is a table of one row
}

// showOne prints one thing as -o says.
func showOne[T any](a *app, v view[T], d doc[T]) error {
	p := a.printer()
	switch a.flags.output {
	case "name":
		return p.line(v.name(d.V))
	case "table":
		if v.detail != nil {
			v.detail(p, d.V)
			return p.err
		}
		return p.table(v.header, [][]cell{v.row(p, d.V)})
	}
	return a.encode(p, d)
}

// showPage prints a page of a list as -o says. That there is more is told on stderr.
func showPage[T any](a *app, v view[T], pg page[T]) error {
	p := a.printer()
	defer func() {
		if pg.NextCursor != "" {
			fmt.Fprintf(a.errOut, "there is more: --cursor %s\n", pg.NextCursor)
		}
	}()
	switch a.flags.output {
	case "name":
		for _, d := range pg.Items {
			p.line(v.name(d.V))
		}
		return p.err
	case "jsonl":
		for _, d := range pg.Items {
			a.encode(p, d)
		}
		return p.err
	case "table":
		rows := make([][]cell, len(pg.Items))
		for i, d := range pg.Items {
			rows[i] = v.row(p, d.V)
		}
		return p.table(v.header, rows)
	}
	if pg.Items == nil {
		pg.Items = []doc[T]{}
	}
	return a.encode(p, pg)
}

// encode prints a value as json (indented), jsonl (one line) or yaml.
func (a *app) encode(p *printer, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	switch a.flags.output {
	case "jsonl":
		return p.line(string(raw))
	case "yaml":
		text, err := yamlOf(raw)
		if err != nil {
			return fmt.Errorf("encode the answer as YAML: %w", err)
		}
		p.write(text)
		return p.err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return p.line(indented.String())
}

// printer writes data to stdout and keeps the first error: a closed pipe ends a command, quietly.
type printer struct {
	w     io.Writer
	color bool
	err   error
}

func (a *app) printer() *printer {
	return &printer{w: a.out, color: a.outTTY && !a.flags.noColor}
}

func (p *printer) write(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, text)
	}
}

func (p *printer) line(text string) error {
	p.write(text + "\n")
	return p.err
}
