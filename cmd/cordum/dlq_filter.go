package main

import (
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/runner"
)

const deadFilterHelp = "--filter names those that fit all of its parts: workflow=ID, topic=TOPIC, step=ID, reason=REASON, group=NAME, state=dead or\n" +
	"retrying. A reason may be what stands before its colon, such as timeout; put a value with spaces in quotes.\n" +
	"--since and --until take a time, or how long ago."

// deadFlags say which dead letters are meant.
type deadFlags struct{ parts, since, until string }

func (f *deadFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.parts, "filter", "", "those that fit, like 'workflow=db-migration reason=timeout'")
	cmd.Flags().StringVar(&f.since, "since", "", "died since then: 24h, or 2026-11-21T10:00:00Z")
	cmd.Flags().StringVar(&f.until, "until", "", "died before then")
}

func (f *deadFlags) given() bool { return f.parts != "" || f.since != "" || f.until != "" }

// filter reads the flags.
func (f *deadFlags) filter() (out runner.DeadFilter, err error) {
	names := map[string]*string{
		"workflow": &out.Workflow, "topic": &out.Topic, "step": &out.Step, "reason": &out.Reason, "group": &out.Fingerprint,
		"fingerprint": &out.Fingerprint, "state": &out.State,
	}
	parts, err := quotedFields(f.parts)
	if err != nil {
		return out, err
	}
	for _, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		to := names[name]
		switch {
		case !ok || value == "":
			return out, usagef("--filter: %q is not NAME=VALUE", part)
		case to == nil:
			return out, usagef("--filter: the name %q is unknown; the names are workflow, topic, step, reason, group and state", name)
		case *to != "":
			return out, usagef("--filter: %s is given twice", name)
		}
		*to = value
	}
	now := time.Now()
	if out.Since, err = deadTime("since", f.since, now); err != nil {
		return out, err
	}
	out.Until, err = deadTime("until", f.until, now)
	return out, err
}

// query is the filter for an address.
func (f *deadFlags) query() (url.Values, error) {
	filter, err := f.filter()
	query := url.Values{}
	for name, value := range map[string]string{
		"workflow": filter.Workflow, "topic": filter.Topic, "step": filter.Step, "reason": filter.Reason, "fingerprint": filter.Fingerprint,
		"state": filter.State,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": filter.Since, "until": filter.Until} {
		if !at.IsZero() {
			query.Set(name, at.Format(time.RFC3339Nano))
		}
	}
	return query, err
}

// deadTime reads one of the times; "" is none.
func deadTime(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := momentOf(text, now)
	if err != nil {
		return at, usagef("--%s: %s", flag, err)
	}
	return at.UTC(), nil
}

// quotedFields splits a text at blanks that stand in no quotes.
func quotedFields(text string) (fields []string, err error) {
	var b strings.Builder
	var quote rune
	begun := false
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			b.WriteRune(r)
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == ' ' || r == '\t':
			if begun {
				fields = append(fields, b.String())
			}
			b.Reset()
			begun = false
		default:
			b.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 {
		return nil, usagef("--filter: a quote is not closed")
	}
	if begun {
		fields = append(fields, b.String())
	}
	return fields, nil
}
