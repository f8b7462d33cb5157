package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
)

// logFlags say which lines are shown.
type logFlags struct {
	follow  bool
	attempt int
	since   time.Duration
	tail    int
}

func (f *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what is written until the run has ended")
	cmd.Flags().IntVar(&f.attempt, "attempt", 0, "only this attempt's lines")
	cmd.Flags().DurationVar(&f.since, "since", 0, "only lines of the last so much time, such as 10m")
	cmd.Flags().IntVar(&f.tail, "tail", 0, "of the lines so far, only the newest so many (0 = all)")
}

func newRunLogs(a *app) *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "logs RUN [STEP]",
		Short: "Print what the jobs of a run wrote",
		Long: "Prints the lines that workers wrote while they ran the jobs of a run, or of one step: a path, or a step's id for all its\n" +
			"iterations. The first and the last lines of each attempt are kept; what was left out shows in its place. With -f a lost\n" +
			"connection is made again and no line comes twice.",
		Example: "  cordum run logs 07…\n  cordum run logs 07… deploy -f\n  cordum run logs 07… --attempt 2 --tail 50 -o jsonl",
		Args:    wantArgs("RUN", "[STEP]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			l := logPrinter{flags: f, run: args[0], query: url.Values{}, from: pathTo("runs", args[0], "logs")}
			if len(args) == 2 {
				l.step = args[1]
				l.query.Set("step", args[1])
			}
			return l.show(cmd.Context(), a)
		},
	}
	f.add(cmd)
	return cmd
}

func newJobLogs(a *app) *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:     "logs JOB",
		Short:   "Print what a job wrote",
		Long:    "Prints the lines that workers wrote while they ran a job. See cordum run logs.",
		Example: "  cordum job logs 07….job~0 -f",
		Args:    wantArgs("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, _, _ := strings.Cut(args[0], ".")
			job, _, _ := strings.Cut(args[0], "@")
			l := logPrinter{flags: f, run: run, job: job, query: url.Values{}, from: pathTo("jobs", args[0], "logs")}
			return l.show(cmd.Context(), a)
		},
	}
	f.add(cmd)
	return cmd
}

// logPrinter prints lines, each once.
type logPrinter struct {
	flags    logFlags
	run, job string // job: only this one's
	step     string
	from     string // path of the lines so far
	query    url.Values
	a        *app
	c        *client
	p        *printer
	earliest time.Time
	told     map[string]int64 // number of the last line that was printed, by job and attempt
}

// logPage is a page of lines as the server wrote them.
type logPage struct {
	Items     []doc[runner.LogLine] `json:"items"`
	NextAfter string                `json:"next_after,omitempty"`
}

func (l *logPrinter) show(ctx context.Context, a *app) error {
	if l.flags.tail < 0 || l.flags.attempt < 0 || l.flags.since < 0 {
		return usagef("--tail, --attempt and --since must not be negative")
	}
	whole := a.flags.output == "json" || a.flags.output == "yaml"
	if whole && l.flags.follow {
		return usagef("-f prints lines as they come: use -o jsonl")
	}
	var err error
	if l.c, err = a.client(); err != nil {
		return err
	}
	l.a, l.p, l.told = a, a.printer(), map[string]int64{}
	if l.flags.attempt > 0 {
		l.query.Set("attempt", strconv.Itoa(l.flags.attempt))
	}
	if l.flags.since > 0 {
		l.earliest = time.Now().Add(-l.flags.since)
	}
	var run runner.RunView
	if l.flags.follow { // before the lines: what comes later is followed
		if err := l.c.get(ctx, pathTo("runs", l.run), nil, &run); err != nil {
			return err
		}
	}
	lines, err := l.fetch(ctx, l.from, l.query, l.flags.tail)
	if err != nil {
		return err
	}
	if whole {
		return a.encode(l.p, logPage{Items: append([]doc[runner.LogLine]{}, lines...)})
	}
	l.printAll(lines)
	if !l.flags.follow {
		if len(lines) == 0 {
			fmt.Fprintln(a.errOut, "no lines: nothing was written")
		}
		return l.p.err
	}
	return l.follow(ctx, run.Seq)
}

// fetch reads all pages of the lines that are there, and answers the newest so many of them; 0 is all.
func (l *logPrinter) fetch(ctx context.Context, path string, query url.Values, tail int) ([]doc[runner.LogLine], error) {
	var all []doc[runner.LogLine]
	ask := url.Values{"limit": {"5000"}}
	for name, v := range query {
		ask[name] = v
	}
	for {
		var part logPage
		if err := l.c.get(ctx, path, ask, &part); err != nil {
			return nil, err
		}
		fits := slices.DeleteFunc(part.Items, func(d doc[runner.LogLine]) bool { return d.V.Dropped == 0 && d.V.At.Before(l.earliest) })
		all = append(all, fits...)
		if tail > 0 {
			all = l.newest(all, tail)
		}
		if part.NextAfter == "" {
			return all, nil
		}
		ask.Set("after", part.NextAfter)
	}
}

// newest leaves the newest n lines, in the order that they have, which goes by jobs first. The others count as told.
func (l *logPrinter) newest(lines []doc[runner.LogLine], n int) []doc[runner.LogLine] {
	if len(lines) <= n {
		return lines
	}
	byAge := make([]int, len(lines))
	for i := range byAge {
		byAge[i] = i
	}
	slices.SortStableFunc(byAge, func(i, j int) int { return lines[i].V.At.Compare(lines[j].V.At) })
	kept := byAge[len(lines)-n:]
	for _, i := range byAge[:len(lines)-n] {
		l.note(lines[i : i+1])
	}
	slices.Sort(kept)
	out := make([]doc[runner.LogLine], n)
	for to, i := range kept {
		out[to] = lines[i]
	}
	return out
}

// follow prints what comes until the run has ended. Lines that the stream left out, or that were written while it was down,
// are read again.
func (l *logPrinter) follow(ctx context.Context, after uint64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	check := func(err error) {
		if err == nil {
			err = l.p.err
		}
		if err != nil {
			cancel(err)
		}
	}
	again := func(path string, query url.Values) {
		lines, err := l.fetch(ctx, path, query, 0)
		if err == nil {
			l.printAll(lines)
		}
		check(err)
	}
	err := l.c.follow(ctx, l.run, after, follower{
		event: func(runner.Event) {},
		gap:   func(uint64) {},
		lost:  func(err error) { fmt.Fprintf(l.a.errOut, "connection lost (%v); reconnecting\n", brief(err)) },
		live:  func() { again(l.from, l.query) },
		log: func(part runner.LogPart) {
			if !l.wants(part) {
				return
			}
			if hole := part.Lines[0].N > l.told[logOf(part.JobID, part.Attempt)]+1; hole {
				again(pathTo("jobs", part.JobID, "logs"), url.Values{
					"attempt": {strconv.Itoa(part.Attempt)}, "after": {strconv.FormatInt(l.told[logOf(part.JobID, part.Attempt)], 10)},
				})
				return
			}
			l.printPart(part)
			check(nil)
		},
	})
	if cause := context.Cause(ctx); cause != nil && l.p.err != nil {
		return l.p.err
	} else if cause != nil && err != nil {
		return cause
	}
	if err == nil {
		again(l.from, l.query) // what was written last
		return l.p.err
	}
	return err
}

func logOf(job string, attempt int) string { return job + "@" + strconv.Itoa(attempt) }

// wants tells whether lines of the stream are among those that were asked for.
func (l *logPrinter) wants(part runner.LogPart) bool {
	step, _, _ := strings.Cut(part.Step, "[")
	return len(part.Lines) > 0 && (l.job == "" || part.JobID == l.job) && (l.flags.attempt == 0 || part.Attempt == l.flags.attempt) &&
		(l.step == "" || part.Step == l.step || step == l.step || strings.HasSuffix(part.Step, "/"+l.step))
}

// note remembers lines as told.
func (l *logPrinter) note(lines []doc[runner.LogLine]) {
	for _, d := range lines {
		key := logOf(d.V.JobID, d.V.Attempt)
		l.told[key] = max(l.told[key], d.V.N)
	}
}

func (l *logPrinter) printAll(lines []doc[runner.LogLine]) {
	for _, d := range lines {
		key := logOf(d.V.JobID, d.V.Attempt)
		if d.V.N <= l.told[key] {
			continue
		}
		l.told[key] = d.V.N
		l.print(d)
	}
}

func (l *logPrinter) printPart(part runner.LogPart) {
	for _, text := range part.Lines {
		l.printAll([]doc[runner.LogLine]{{V: runner.LogLine{
			JobID: part.JobID, Step: part.Step, Attempt: part.Attempt, N: text.N, At: text.At, Stream: text.Stream, Text: text.Text,
		}}})
	}
}

// print writes one line as -o says.
func (l *logPrinter) print(d doc[runner.LogLine]) {
	switch l.a.flags.output {
	case "jsonl":
		_ = l.a.encode(l.p, d) // kept in p.err
	case "name":
		if d.V.Dropped == 0 {
			_ = l.p.line(oneLine(d.V.Text)) // as above
		}
	default:
		_ = l.p.line(logText(l.p, d.V, l.step == "" && l.job == "")) // as above
	}
}

// logText is a line of a log as people read it.
func logText(p *printer, line runner.LogLine, withStep bool) string {
	if line.Dropped > 0 {
		return p.paint(fmt.Sprintf("… %d lines of %s were left out", line.Dropped, oneLine(line.Step)), soft)
	}
	parts := []string{p.paint(line.At.Local().Format(eventTime), soft)}
	if withStep {
		parts = append(parts, p.paint(fmt.Sprintf("%-*s", subjectCol/2, oneLine(line.Step)), soft))
	}
	text := oneLine(line.Text)
	switch line.Stream {
	case "stderr", "warn", "error":
		text = p.paint(text, bad)
	case "debug":
		text = p.paint(text, soft)
	}
	return strings.TrimRight(strings.Join(append(parts, text), columnGap), " ")
}
