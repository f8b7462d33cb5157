package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// tally is what became of tests, subtests among them.
type tally struct {
	passed, failed, skipped int
	took                    time.Duration
	// figures are sums of what Go tests tell with t.Attr("figure", "NAME=NUMBER").
	figures map[string]int
}

func (t *tally) add(o tally) {
	t.passed, t.failed, t.skipped, t.took = t.passed+o.passed, t.failed+o.failed, t.skipped+o.skipped, t.took+o.took
	for name, n := range o.figures {
		t.figures[name] += n
	}
}

func readFile(path string, read func(io.Reader) (tally, error)) (tally, error) {
	f, err := os.Open(path)
	if err != nil {
		return tally{}, err
	}
	defer f.Close()
	t, err := read(f)
	if err != nil {
		return tally{}, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// event is a line of `go test -json`.
type event struct {
	Time                     time.Time
	Action, Test, Key, Value string
}

// countEvents counts what `go test -json` tells. Most of it is output, and passed over, as is a line that a killed run left half.
func countEvents(r io.Reader) (t tally, err error) {
	t.figures = map[string]int{}
	var first, last time.Time
	for in := bufio.NewReader(r); ; {
		line, err := in.ReadBytes('\n')
		var e event
		if !bytes.Contains(line, []byte(`"Action":"output"`)) && json.Unmarshal(line, &e) == nil {
			if err := t.take(e); err != nil {
				return t, err
			}
			if first.IsZero() {
				first = e.Time
			}
			if e.Time.After(last) {
				last = e.Time
			}
		}
		if err != nil {
			t.took = last.Sub(first)
			return t, unlessEOF(err)
		}
	}
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (t *tally) take(e event) error {
	if e.Test == "" {
		return nil
	}
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
	case "skip":
		t.skipped++
	case "attr":
		if e.Key != "figure" {
			return nil
		}
		name, text, _ := strings.Cut(e.Value, "=")
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("test %s tells no figure: %q", e.Test, e.Value)
		}
		t.figures[name] += n
	}
	return nil
}

// What unittest and node say at their ends.
var (
	unittestRan   = regexp.MustCompile(`^Ran (\d+) tests? in ([\d.]+)s`)
	unittestEnded = regexp.MustCompile(`(failures|errors|skipped)=(\d+)`)
	nodeEnded     = regexp.MustCompile(`^\S+ (pass|fail|skipped|duration_ms) ([\d.]+)$`)
)

// countText counts what the tests of the SDKs tell.
func countText(r io.Reader) (t tally, err error) {
	ran, notPassed := 0, 0
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if m := unittestRan.FindStringSubmatch(line); m != nil {
			ran += number(m[1])
			t.took += seconds(m[2], time.Second)
		}
		if strings.HasPrefix(line, "OK (") || strings.HasPrefix(line, "FAILED (") {
			for _, m := range unittestEnded.FindAllStringSubmatch(line, -1) {
				notPassed += number(m[2])
				if m[1] == "skipped" {
					t.skipped += number(m[2])
				} else {
					t.failed += number(m[2])
				}
			}
		}
		if m := nodeEnded.FindStringSubmatch(line); m != nil {
			switch m[1] {
			case "pass":
				t.passed += number(m[2])
			case "fail":
				t.failed += number(m[2])
			case "skipped":
				t.skipped += number(m[2])
			case "duration_ms":
				t.took += seconds(m[2], time.Millisecond)
			}
		}
	}
	t.passed += ran - notPassed
	return t, lines.Err()
}

// number and seconds read what an expression has matched: digits, and perhaps a point.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

func seconds(digits string, unit time.Duration) time.Duration {
	n, _ := strconv.ParseFloat(digits, 64)
	return time.Duration(n * float64(unit))
}
