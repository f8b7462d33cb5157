package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/store/audit"
)

// auditSecret is the variable with the secret that signs what a webhook gets.
const auditSecret = "CORDUM_AUDIT_WEBHOOK_SECRET"

func newAuditExport(a *app) *cobra.Command {
	var f auditFilter
	var to, place string
	var follow bool
	cmd := &cobra.Command{
		Use:   "export [-o FILE] | --to ADDRESS [--follow]",
		Short: "Export the audit log to a file, to syslog or to a webhook",
		Long: "Without --to, exports every record of your tenant as lines of JSON, in the form that cordum audit verify FILE checks.\n\n" +
			"With --to, sends records elsewhere, in order: syslog+udp://, syslog+tcp:// or syslog+tls://HOST:PORT (RFC 5424; RFC 6587\n" +
			"with lengths), or https://… (batches of JSON; " + auditSecret + " signs them, as Standard Webhooks has it). --follow goes on\n" +
			"with what is recorded; --place FILE keeps how far it has come, so that the next call goes on there. What could not be\n" +
			"acknowledged before a failure is sent again: partition and seq tell.",
		Example: "  cordum audit export -o audit.jsonl\n  cordum audit export --to syslog+tls://logs.example:6514 --follow --place audit.place\n" +
			"  cordum audit export --to https://siem.example/cordum --since 24h",
		Args:        wantArgs(),
		Annotations: moreOutputs(anyFile),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filtered := f != auditFilter{}
			switch {
			case to == "" && (filtered || follow || place != ""):
				return usagef("a file has every record, so that it can be checked: the filters, --follow and --place go with --to")
			case to == "":
				return a.exportFile(cmd.Context())
			}
			sink, err := audit.OpenSink(to, a.envOr(auditSecret, ""))
			if err != nil {
				return usagef("--to: %w", err)
			}
			err = a.exportTo(cmd.Context(), sink, &f, follow, place)
			return errors.Join(err, sink.Close())
		},
	}
	f.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&to, "to", "", "send there: syslog+udp, syslog+tcp, syslog+tls or https")
	fl.BoolVar(&follow, "follow", false, "go on with what is recorded, until interrupted")
	fl.StringVar(&place, "place", "", "a file that keeps how far it has come")
	return cmd
}

// exportFile writes the whole export to stdout or into a file.
func (a *app) exportFile(ctx context.Context) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	body, err := c.stream(ctx, "audit/export", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	left := "what was printed is cut off"
	if slices.Contains(outputNames, a.flags.output) {
		err = copyExport(a.out, body)
	} else {
		left = a.flags.output + " is as it was"
		err = a.intoFile(a.flags.output, func(w io.Writer) error { return copyExport(w, body) })
	}
	if err != nil {
		fmt.Fprintln(a.errOut, left+": export again, from the beginning")
	}
	return err
}

// copyExport copies an export and says when it has no end.
func copyExport(w io.Writer, body io.Reader) error {
	tail := &lastLine{}
	if _, err := io.Copy(io.MultiWriter(w, tail), body); err != nil {
		return fmt.Errorf("copy the export: %w", err)
	}
	if !bytes.HasPrefix(tail.line, []byte(`{"end":`)) || !tail.ended {
		return errors.New("the export was cut off: the server's log has the cause")
	}
	return nil
}

// lastLine keeps the beginning of the last line that was written to it.
type lastLine struct {
	line  []byte
	ended bool
}

// Write implements io.Writer.
func (l *lastLine) Write(p []byte) (int, error) {
	for _, c := range p {
		if l.ended {
			l.line, l.ended = l.line[:0], false
		}
		if l.ended = c == '\n'; !l.ended && len(l.line) < 64 {
			l.line = append(l.line, c)
		}
	}
	return len(p), nil
}

// stream makes a GET whose answer is read as it comes.
func (c *client) stream(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	req, err := c.build(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "*/*")
	answer, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if answer.StatusCode < http.StatusBadRequest {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	return nil, problemOf(answer, raw)
}

// exportTo sends records to a sink. How far it has come is kept after what the sink has taken.
func (a *app) exportTo(ctx context.Context, sink audit.Sink, f *auditFilter, follow bool, place string) error {
	kept, err := readPlace(place)
	if err != nil {
		return err
	}
	if kept != "" {
		f.cursor, f.since = kept, ""
	}
	sent := 0
	err = a.eachPage(ctx, f, follow, func(ctx context.Context, pg page[runner.AuditRecord]) error {
		records := make([]audit.Record, len(pg.Items))
		for i, d := range pg.Items {
			records[i] = d.V
		}
		if len(records) > 0 {
			if err := sink.Send(ctx, records); err != nil {
				return err
			}
			sent += len(records)
		}
		if place == "" || pg.NextCursor == kept {
			return nil
		}
		kept = pg.NextCursor // of a page in which nothing fits, too: it is not looked through again
		return writePlace(place, kept)
	})
	var problem *gateway.Problem
	if errors.As(err, &problem) && problem.Code == "invalid_cursor" && place != "" && kept == f.cursor {
		return usagef("--place: %s holds no place in this server's audit log: remove it to begin with the oldest record", place)
	}
	fmt.Fprintf(a.errOut, "%d records sent%s\n", sent, goOn(err, f.cursor, place))
	return err
}

// goOn says how an export that ended early goes on behind what was sent.
func goOn(err error, cursor, place string) string {
	switch {
	case err == nil || cursor == "" && place == "":
		return ""
	case place != "":
		return "; the same call goes on there"
	}
	return "; go on there with --cursor " + cursor
}

// readPlace is how far the call before has come; empty when there was none.
func readPlace(place string) (string, error) {
	if place == "" {
		return "", nil
	}
	raw, err := os.ReadFile(place)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("--place: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// writePlace replaces what is kept, wholly or not at all: half a place is none, and everything would be sent again.
func writePlace(place, cursor string) error {
	err := replaceFile(place, func(w io.Writer) error {
		_, err := io.WriteString(w, cursor+"\n")
		return err
	})
	if err != nil {
		return fmt.Errorf("--place: the records before are sent, but the place behind them is not kept: %w", err)
	}
	return nil
}
