package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

func newAuditLog(a *app) *cobra.Command {
	cmd := asGroup(&cobra.Command{
		Use:   "audit",
		Short: "Read, export and verify the record of who did what",
		Long: "Each security-relevant act is one record, written in the same commit as the act, in a chain of hashes. A signed head\n" +
			"says where every chain stands: keep one elsewhere, and what is changed afterwards is found, without the server.",
		Example: "  cordum audit list --act approval --since 24h\n  cordum audit head -o head.json\n" +
			"  cordum audit verify --data-dir /backup/cordum --head head.json --public-key audit.pub",
	})
	cmd.AddCommand(newAuditList(a), newAuditVerify(a), newAuditHead(a), newAuditExport(a), newAuditHold(a))
	return cmd
}

// recordView is how an audit record looks.
var recordView = view[runner.AuditRecord]{
	name:   func(r runner.AuditRecord) string { return fmt.Sprintf("%d/%s/%d", r.Partition, r.Tenant, r.Seq) },
	header: []string{"TIME", "ACT", "BY", "RUN", "ABOUT", "WHAT", "RECORD"},
	row: func(_ *printer, r runner.AuditRecord) []cell {
		return []cell{
			text(r.At.Local().Format("2006-01-02 15:04:05")), text(string(r.Act)), text(r.Actor), text(r.Run), text(r.Subject), text(r.Detail),
			{fmt.Sprintf("%d/%d", r.Partition, r.Seq), soft},
		}
	},
}

// auditFilter are the flags that narrow what is listed or sent.
type auditFilter struct {
	act, actor, run, since, until, cursor string
	limit                                 int
}

func (f *auditFilter) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.act, "act", "", "only this kind of act: decision, release, result, approval, override, policy.publish, …")
	fl.StringVar(&f.actor, "actor", "", "only what this one did, as user:ann")
	fl.StringVar(&f.run, "run", "", "only of this run")
	fl.StringVar(&f.since, "since", "", "not before: a time as 2026-11-21T10:00:00Z, or how long ago as 24h")
	fl.StringVar(&f.until, "until", "", "before: a time, or how long ago")
	fl.StringVar(&f.cursor, "cursor", "", "go on with the page that the last call named")
}

func (f *auditFilter) query(order string) (url.Values, error) {
	q := url.Values{"order": {order}, "limit": {strconv.Itoa(f.limit)}}
	for name, value := range map[string]string{"act": f.act, "actor": f.actor, "run": f.run, "cursor": f.cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, value := range map[string]string{"since": f.since, "until": f.until} {
		if value == "" {
			continue
		}
		at, err := momentOf(value, time.Now())
		if err != nil {
			return nil, usagef("--%s: %w", name, err)
		}
		q.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
	return q, nil
}

// momentOf reads a time, or how long ago it was.
func momentOf(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is neither a time as 2026-11-21T10:00:00Z nor how long ago as 24h", text)
}

func newAuditList(a *app) *cobra.Command {
	var f auditFilter
	var follow bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List audit records, newest first",
		Long:    "Lists the audit records of your tenant, newest first. With --follow the oldest come first, and then what is recorded, as it is.",
		Example: "  cordum audit list --since 24h --act approval\n  cordum audit list --run 07… -o json\n  cordum audit list --follow --since 1m -o jsonl",
		Args:    wantArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if follow {
				return a.followAudit(cmd.Context(), &f, a.printRecords)
			}
			q, err := f.query("desc")
			if err != nil {
				return err
			}
			return listFull(cmd.Context(), a, "audit", q, recordView)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&f.limit, "limit", 50, "rows of a page, 1 to 1000")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with what is recorded, until interrupted")
	return cmd
}

// printRecords prints records as -o says, without a table's header: they go on coming.
func (a *app) printRecords(_ context.Context, records []doc[runner.AuditRecord]) error {
	p := a.printer()
	for _, d := range records {
		switch a.flags.output {
		case "name":
			_ = p.line(recordView.name(d.V)) // kept in p.err
		case "table":
			p.row([]int{19, 15, 16, 28, 20, 0, 0}, fitted(recordView.row(p, d.V)))
		default:
			_ = a.encode(p, d) // as above
		}
	}
	return p.err
}

// fitted makes cells fit the columns of a table whose rows are not known yet.
func fitted(row []cell) []cell {
	widths := []int{19, 15, 16, 28, 20}
	for i := range row {
		row[i].text = oneLine(row[i].text)
		if i < len(widths) {
			row[i].text = clipText(row[i].text, widths[i])
		}
	}
	return row
}

// followEvery is the pause between two looks for new records.
const followEvery = time.Second

// followAudit hands over records, the oldest first, and then what is recorded, until ctx ends: an interrupt is the way to end it.
func (a *app) followAudit(ctx context.Context, f *auditFilter, take func(context.Context, []doc[runner.AuditRecord]) error) error {
	return a.eachPage(ctx, f, true, func(ctx context.Context, pg page[runner.AuditRecord]) error { return take(ctx, pg.Items) })
}

// eachPage hands over records page by page, the oldest first; with follow it never ends by itself.
func (a *app) eachPage(ctx context.Context, f *auditFilter, follow bool, take func(context.Context, page[runner.AuditRecord]) error) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	f.limit = 1000
	for {
		q, err := f.query("asc")
		if err != nil {
			return err
		}
		var pg page[runner.AuditRecord]
		if err := c.get(ctx, "audit", q, &pg); err != nil {
			return err
		}
		if err := take(ctx, pg); err != nil {
			return err
		}
		// One that fits little may be empty though more lies behind what was looked through: at the end it is the cursor that stays.
		moved := pg.NextCursor != f.cursor
		f.cursor, f.since = pg.NextCursor, ""
		switch {
		case len(pg.Items) > 0:
		case !follow && moved:
		case !follow:
			return nil
		default:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(followEvery):
			}
		}
	}
}

func newAuditHead(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "head [-o FILE]",
		Short: "Take a signed head, to be kept elsewhere",
		Long: "Takes a signed head: where every chain of the audit log stands now. Keep it where whoever can write to the server's disk\n" +
			"cannot: what is changed of the records up to it is found by cordum audit verify --head. -o names the file.",
		Example:     "  cordum audit head -o head-2026-11-21.json",
		Args:        wantArgs(),
		Annotations: moreOutputs(anyFile),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var head doc[runner.AuditHead]
			if err := c.post(cmd.Context(), "audit/heads", gateway.Reason{Reason: a.flags.reason}, &head); err != nil {
				return err
			}
			if head.V.Key == "" {
				fmt.Fprintln(a.errOut, "the server has no key to sign with (--audit-key-file): the head is worth what the place is where you keep it")
			}
			return a.writeOut(head)
		},
	}
}

// writeOut prints JSON, or writes it into the file that -o names.
func (a *app) writeOut(value any) error {
	if a.flags.output == "table" {
		a.flags.output = "json"
	}
	if slices.Contains(outputNames, a.flags.output) {
		return a.encode(a.printer(), value)
	}
	return a.intoFile(a.flags.output, func(w io.Writer) error {
		b := &app{out: w}
		return b.encode(b.printer(), value)
	})
}

// intoFile writes a file that only its owner reads, whole or not at all.
func (a *app) intoFile(name string, write func(io.Writer) error) error {
	var failed error
	err := replaceFile(name, func(w io.Writer) error {
		failed = write(w)
		return failed
	})
	switch {
	case failed != nil:
		return failed
	case errors.Is(err, fs.ErrNotExist):
		return usagef("-o %s: there is no folder %s", name, filepath.Dir(name))
	case err != nil:
		return fmt.Errorf("write %s: %w", name, err)
	}
	fmt.Fprintln(a.errOut, "wrote "+name)
	return nil
}

// replaceFile puts a file that only its owner reads in the place of another one, or of none, whole or not at all. What is there and is
// no file, such as a pipe or a device, is written to.
func replaceFile(name string, write func(io.Writer) error) error {
	if there, err := os.Stat(name); err == nil && !there.Mode().IsRegular() && !there.IsDir() {
		return writeStream(name, write)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".cordum-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone when all went well
	err = write(f)
	if err == nil {
		err = f.Sync() // a power cut leaves the file of before or this one, whole
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// writeStream writes to what is there already and stays there.
func writeStream(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
