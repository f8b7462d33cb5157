package main

import (
	"bufio"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mailbox is a mail server that takes everything.
type mailbox struct{ mails chan string }

func newMailbox(t *testing.T) (address string, box *mailbox) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	box = &mailbox{make(chan string, 100)}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go box.serve(conn)
		}
	}()
	return ln.Addr().String(), box
}

func (b *mailbox) serve(conn net.Conn) {
	defer conn.Close()
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	var all strings.Builder
	say("220 mail.example")
	data := false
	for in := bufio.NewScanner(conn); in.Scan(); {
		line := in.Text()
		fmt.Fprintln(&all, line)
		switch word, _, _ := strings.Cut(line, " "); {
		case data && line == ".":
			data = false
			b.mails <- all.String()
			say("250 taken")
		case data:
		case word == "DATA":
			data = true
			say("354 go on")
		case word == "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

// to waits for a mail to an address and answers its text.
func (b *mailbox) to(t *testing.T, address string) string {
	t.Helper()
	for after := time.After(deadline); ; {
		select {
		case m := <-b.mails:
			if strings.Contains(m, "RCPT TO:<"+address+">") {
				_, body, _ := strings.Cut(m, "\n\n")
				text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}
		case <-after:
			t.Fatalf("no mail to %s", address)
		}
	}
}

const quorumWorkflow = `
id: two
steps:
  - {id: gate, type: approval, title: "Ship <!channel> it?", approvers: ["role:sre"], quorum: 2, four_eyes: true}
  - {id: check, type: condition, depends_on: [gate], condition: "1 < 2"}
`

// Two people are needed: one answers by the link of an e-mail, the other by command. Who asked may not, and channels that
// fail hold up nothing.
func TestApprovalByLinkAndCommand(t *testing.T) {
	slack := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		slack <- string(body)
	}))
	defer hook.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	defer broken.Close()
	smtp, box := newMailbox(t)
	s := serveDev(t, t.TempDir(), "CORDUM_NOTIFY_SLACK_URL="+hook.URL, "CORDUM_NOTIFY_WEBHOOK_URL="+broken.URL, "CORDUM_NOTIFY_SMTP_URL=smtp://"+smtp,
		"CORDUM_NOTIFY_SMTP_FROM=cordum@example.com", "CORDUM_NOTIFY_SMTP_TO=team@example.com", "CORDUM_APPROVERS=zoe@example.com=sre,eve@example.com")
	file := writeFile(t, "two.yaml", quorumWorkflow)
	run := strings.TrimSpace(s.want(exitOK, "workflow", "run", "--file", file, "--as", "user:ann", "--role", "author,operator,approver,sre").out)

	select {
	case told := <-slack:
		if strings.Contains(told, "<!channel>") || !strings.Contains(told, run) {
			t.Errorf("slack was told %s", told)
		}
	case <-time.After(deadline):
		t.Fatal("slack was told nothing")
	}
	mail := box.to(t, "zoe@example.com")
	link := regexp.MustCompile(`http://\S+/a/\S+`).FindString(mail)
	if link == "" {
		t.Fatalf("no link in the mail:\n%s", mail)
	}
	id := run + ".gate~0"
	s.want(exitError, "approval", "approve", id, "--as", "user:ann", "--role", "approver,sre")
	s.want(exitError, "approval", "approve", id, "--as", "user:mal")
	if page, status := fetch(t, http.MethodGet, link, ""); status != 200 || !strings.Contains(page, "Ship &lt;!channel&gt; it?") {
		t.Fatalf("status %d: %s", status, page)
	}
	if page, status := fetch(t, http.MethodPost, link, "decision=approve&comment=fine"); status != 200 || !strings.Contains(page, "waits for others") {
		t.Fatalf("status %d: %s", status, page)
	}
	if _, status := fetch(t, http.MethodPost, link, "decision=deny"); status != 409 {
		t.Errorf("a second answer by the link: status %d", status)
	}
	if shown := s.want(exitOK, "approval", "show", id).out; !strings.Contains(shown, "user:zoe@example.com: approve") || !strings.Contains(shown, "2 of role:sre") {
		t.Errorf("shown:\n%s", shown)
	}
	if mine := s.want(exitOK, "approval", "list", "--mine", "-o", "name", "--as", "user:bob", "--role", "approver,sre").out; strings.TrimSpace(mine) != id {
		t.Errorf("bob's: %q", mine)
	}
	s.want(exitOK, "approval", "step", id, "--approve", "--as", "user:bob", "--role", "approver,sre")
	s.want(exitOK, "run", "watch", run)
	if page, status := fetch(t, http.MethodGet, link, ""); status != 409 {
		t.Errorf("the link after the decision: status %d: %s", status, page)
	}
	told := s.want(exitOK, "approval", "deliveries", id).out
	for _, want := range []string{`slack +delivered`, `webhook +failed .*404`, `email +delivered`, `email +zoe@example.com +delivered`} {
		if !regexp.MustCompile(want).MatchString(told) {
			t.Errorf("deliveries have no %q:\n%s", want, told)
		}
	}
	if strings.Contains(told, "eve@") {
		t.Errorf("who is no approver was told:\n%s", told)
	}
	if strings.Contains(s.errOut.String(), strings.TrimPrefix(regexp.MustCompile(`/a/\S+`).FindString(link), "/a/")) {
		t.Error("the link is in the log")
	}
}

func fetch(t *testing.T, method, link, form string) (page string, status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, link, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		if _, err := url.ParseQuery(form); err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), resp.StatusCode
}
