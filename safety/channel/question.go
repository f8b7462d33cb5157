package channel

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Ref names an approval.
type Ref struct{ Tenant, ID string }

// Question is what people outside are told of an approval that waits.
type Question struct {
	Round       int // how often it was asked anew; each asking is told
	Title       string
	Workflow    string
	Step        string
	RunID       string
	RequestedBy string
	Why         string // why it was asked again; "" the first time
	Needs       []Need
	ExpiresAt   *time.Time
	Hash        string
	Audience    []Recipient
}

// Need is what one rule, or the step, asks of people.
type Need struct {
	Rule      string   `json:"rule,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	Approvers []string `json:"approvers,omitempty"`
	Quorum    int      `json:"quorum"`
}

// Recipient is whom a message goes to.
type Recipient struct {
	Channel string // webhook, slack or email
	To      string // the person's address; "": whomever the channel leads to
	Link    string // where to answer; with a To whoever has it answers as that person
}

// Message is a question for one recipient.
type Message struct {
	Key  string // the same for each attempt
	Text string // plain text; the first line says what it is about
	Body any    // what a webhook gets, as JSON
	To   string // "": whomever the channel leads to
}

// event is the body of a webhook.
type event struct {
	Type        string     `json:"type"` // "approval.requested"
	ID          string     `json:"approval_id"`
	Tenant      string     `json:"tenant"`
	Round       int        `json:"round"`
	RunID       string     `json:"run_id"`
	Workflow    string     `json:"workflow"`
	Step        string     `json:"step"`
	Title       string     `json:"title"`
	RequestedBy string     `json:"requested_by"`
	Needs       []Need     `json:"needs,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	Hash        string     `json:"hash"`
	Link        string     `json:"link,omitempty"`
	Text        string     `json:"text"`
}

// message says the question to one recipient.
func (q *Question) message(ref Ref, to Recipient) Message {
	text := q.text(ref, to)
	return Message{
		Key: fmt.Sprintf("approval:%s:%d:%s:%s", ref.ID, q.Round, to.Channel, to.To), Text: text, To: to.To,
		Body: event{
			Type: "approval.requested", ID: ref.ID, Tenant: ref.Tenant, Round: q.Round, RunID: q.RunID, Workflow: q.Workflow, Step: q.Step,
			Title: oneLine(q.Title, maxTitle), RequestedBy: q.RequestedBy, Needs: q.Needs, ExpiresAt: q.ExpiresAt, Hash: q.Hash, Link: to.Link, Text: text,
		},
	}
}

// text is the question in words. Every part that others wrote is one line, so that none can pretend to be another one.
func (q *Question) text(ref Ref, to Recipient) string {
	var b strings.Builder
	title := oneLine(q.Title, maxTitle)
	if title == "" {
		title = "step " + oneLine(q.Step, maxTitle)
	}
	fmt.Fprintf(&b, "Approval needed: %s\n\n", title)
	fmt.Fprintf(&b, "Workflow %s, step %s, asked by %s.\n", oneLine(q.Workflow, maxTitle), oneLine(q.Step, maxTitle), oneLine(q.RequestedBy, maxTitle))
	if q.Why != "" {
		fmt.Fprintf(&b, "It is asked again: %s.\n", oneLine(q.Why, maxTitle))
	}
	for _, n := range q.Needs {
		b.WriteString(n.text() + "\n")
	}
	if q.ExpiresAt != nil {
		fmt.Fprintf(&b, "Until %s.\n", q.ExpiresAt.UTC().Format("2006-01-02 15:04 MST"))
	}
	switch {
	case to.To != "" && to.Link != "":
		fmt.Fprintf(&b, "\nLook and answer: %s\nThe link is yours alone, and good for one answer.\n", to.Link)
	case to.Link != "":
		fmt.Fprintf(&b, "\nLook and answer: %s\n", to.Link)
	}
	fmt.Fprintf(&b, "\ncordum approval show %s\n", ref.ID)
	return b.String()
}

func (n *Need) text() string {
	who := "whoever may approve"
	if len(n.Approvers) > 0 {
		who = oneLine(strings.Join(n.Approvers, ", "), maxTitle)
	}
	line := fmt.Sprintf("Needs %d of %s", max(n.Quorum, 1), who)
	if n.Rule != "" {
		line += " (rule " + oneLine(n.Rule, maxTitle) + ")"
	}
	if n.Reason != "" {
		line += ": " + oneLine(n.Reason, maxTitle)
	}
	return line
}

// oneLine shows a text as one line of at most so many bytes: without characters that begin another one, are not seen, or turn
// the order of the others around.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if s = strings.TrimSpace(s); len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
