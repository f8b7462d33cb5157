package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// open starts the server and the worker, and stores the workflow. The worker goes on until ctx ends.
func (t *crashTrial) open(ctx context.Context, a *app, topics []string) error {
	if err := t.host.start(ctx); err != nil {
		return err
	}
	base, err := url.Parse(t.host.http)
	if err != nil {
		return err
	}
	t.client = &client{base: base, header: http.Header{}, http: &http.Client{Timeout: t.most}}
	t.worker.client = t.client
	t.worker.order(crashPlan{})
	go func() {
		if err := t.worker.run(ctx, t.host.nats, topics); err != nil {
			fmt.Fprintln(a.errOut, "the worker:", err)
		}
	}()
	return t.store(ctx)
}

// store stores the definitions, those that are started first.
func (t *crashTrial) store(ctx context.Context) error {
	texts := [][]byte{}
	for _, name := range yamlx.SortedKeys(t.c.Children) {
		texts = append(texts, t.c.Children[name].Source)
	}
	for _, source := range append(texts, t.c.Workflow.Source) {
		err := t.client.do(ctx, request{method: http.MethodPost, path: "workflows", body: source, contentType: "application/yaml"}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

// playAll plays the run without a crash, and then with one at each point that it passed.
func (f *crashFlags) playAll(ctx context.Context, a *app, t *crashTrial) (*crashReport, error) {
	clean, err := t.play(ctx, crashPlan{})
	if err != nil {
		return nil, err
	}
	report := &crashReport{Workflow: t.id, Clean: clean, Cells: []crashCase{}}
	if !clean.Ended {
		return nil, fmt.Errorf("without any crash the run does not end within %v: it is %s\n  shorten its delays and timeouts in a copy, answer its approvals, or give it time: --run-timeout", t.most, orElse(clean.State, "not started"))
	}
	for _, point := range pointOrder(clean.passed) {
		if len(f.points) > 0 && !slices.Contains(f.points, point) {
			continue
		}
		for _, hit := range spread(clean.passed[point], f.hits) {
			cell, err := t.crash(ctx, crashPlan{Point: point, Hit: hit, Action: crashExit}, &clean)
			if err != nil {
				return nil, err
			}
			report.Cells = append(report.Cells, cell)
			if cell.OK {
				report.Passed++
			} else {
				report.Failed++
			}
			if a.errTTY {
				fmt.Fprintf(a.errOut, "\r%d crashes, %d not survived", len(report.Cells), report.Failed)
			}
		}
	}
	if a.errTTY {
		fmt.Fprintln(a.errOut)
	}
	if len(report.Cells) == 0 {
		return nil, usagef("the run passes none of the points %s; it passes %s", strings.Join(f.points, ", "), strings.Join(pointOrder(clean.passed), ", "))
	}
	return report, nil
}

// pointOrder sorts points: the server's by their numbers, then the worker's.
func pointOrder(passed map[string]int) []string {
	number := func(point string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(point, "CP"))
		if err != nil {
			return len(point) + 1000
		}
		return n
	}
	points := slices.Sorted(maps.Keys(passed))
	slices.SortStableFunc(points, func(a, b string) int { return number(a) - number(b) })
	return points
}

// spread chooses at most so many of 1 … n: the first, the last, and some between.
func spread(n, most int) (hits []int) {
	if n <= most {
		for i := range n {
			hits = append(hits, i+1)
		}
		return hits
	}
	for i := range most {
		hits = append(hits, 1+i*(n-1)/max(most-1, 1))
	}
	return hits
}

// crash plays the run with one crash, and judges it.
func (t *crashTrial) crash(ctx context.Context, p crashPlan, clean *outcome) (crashCase, error) {
	cell := crashCase{Point: p.Point, Hit: p.Hit, What: crashMeanings[p.Point]}
	var err error
	if cell.outcome, err = t.play(ctx, p); err != nil {
		return cell, err
	}
	cell.Twice, cell.Undone = append([]crashTwice{}, cell.twice()...), append([]string{}, cell.undone()...)
	cell.Why = cell.wrong(clean)
	cell.OK = cell.Why == ""
	if cell.Ended {
		return cell, nil
	}
	if err := t.host.empty(); err != nil { // what did not end must not meet the next run
		return cell, err
	}
	if err := t.ready(ctx); err != nil {
		return cell, err
	}
	return cell, t.store(ctx)
}

// wrong says why a crash was not survived; empty: it was.
func (c *crashCase) wrong(clean *outcome) string {
	for _, twice := range c.Twice {
		if !twice.Idempotent {
			return fmt.Sprintf("%s is not idempotent, and was done %d times: its worker was lost, and it has attempts left; see idempotent and retry", twice.Step, twice.Times)
		}
	}
	ofWorker := c.Point == crashAtBegin || c.Point == crashAtEnd
	switch {
	case len(c.held) > 0:
		return fmt.Sprintf("it waits for a person: nobody knows what a lost worker did of %s; a compensation that is idempotent, or has when_unknown: run, would be run", strings.Join(c.held, ", "))
	case !c.Ended:
		return "it did not end: it is " + orElse(c.State, "not started")
	case ofWorker:
		return "" // nobody may know what a lost worker did, so that the run may end otherwise
	case c.State != clean.State || c.Compensation != clean.Compensation:
		return fmt.Sprintf("it ended %s, compensation %s, and without a crash %s, compensation %s", c.State, c.Compensation, clean.State, clean.Compensation)
	case !maps.Equal(c.Steps, clean.Steps):
		return "its steps did not end as they do without a crash: " + differing(c.Steps, clean.Steps)
	}
	return ""
}

// differing names what differs.
func differing(a, b map[string]string) string {
	var out []string
	for _, name := range yamlx.SortedKeys(a) {
		if a[name] != b[name] {
			out = append(out, fmt.Sprintf("%s is %s, was %s", name, a[name], orElse(b[name], "none")))
		}
	}
	return clipText(strings.Join(out, "; "), 300)
}

// showCrashes prints what was found.
func (a *app) showCrashes(r *crashReport) error {
	p := a.printer()
	switch a.flags.output {
	case "table":
		_ = p.line(fmt.Sprintf("%s: without a crash it ends %s, compensation %s", r.Workflow, r.Clean.State, r.Clean.Compensation)) // kept in p.err
		rows := make([][]cell, len(r.Cells))
		for i, c := range r.Cells {
			rows[i] = c.row()
		}
		if err := p.table([]string{"POINT", "TIME", "STATE", "UNDONE", "DONE TWICE", "SURVIVED", "WHEN"}, rows); err != nil {
			return err
		}
		for _, c := range r.Cells {
			if !c.OK {
				_ = p.line(p.paint("FAIL", bad) + fmt.Sprintf(" %s, time %d: %s", c.Point, c.Hit, oneLine(c.Why))) // as above
			}
		}
		_ = p.line(fmt.Sprintf("%d survived, %d not", r.Passed, r.Failed)) // as above
	case "name":
		for _, c := range r.Cells {
			_ = p.line(fmt.Sprintf("%s:%d", c.Point, c.Hit)) // as above
		}
	case "jsonl":
		for _, c := range r.Cells {
			if err := a.encode(p, c); err != nil {
				return err
			}
		}
	default:
		return a.encode(p, r)
	}
	return p.err
}

func (c *crashCase) row() []cell {
	var twice []string
	for _, t := range c.Twice {
		mark := ""
		if t.Idempotent {
			mark = " (idempotent)"
		}
		twice = append(twice, fmt.Sprintf("%s ×%d%s", t.Step, t.Times, mark))
	}
	survived := cell{"yes", good}
	switch {
	case !c.OK:
		survived = cell{"no", bad}
	case !c.died:
		survived = text("not met") // the run went another way this time
	}
	return []cell{
		text(c.Point), text(strconv.Itoa(c.Hit)), state(c.State), text(clipText(strings.Join(c.Undone, ", "), 40)),
		text(clipText(strings.Join(twice, ", "), 40)), survived, text(c.What),
	}
}
