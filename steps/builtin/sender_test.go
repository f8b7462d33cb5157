package builtin

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A notice keeps its key over all attempts, carries its own body, and says whether another attempt makes sense.
func TestSenderOfNotices(t *testing.T) {
	status, body, key := http.StatusOK, "", ""
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body, key = string(raw), r.Header.Get("Webhook-Id")
		w.WriteHeader(status)
	})
	sender, err := NewSender(Channels{WebhookURL: s.URL + "/canary"}, Egress{})
	must(t, err)
	if got := sender.Channels(); len(got) != 1 || got[0] != ChannelWebhook {
		t.Errorf("channels %q", got)
	}
	notice := Notice{Key: "k1", Text: "hello", Body: map[string]int{"n": 1}}
	for _, tt := range []struct {
		status        int
		failed, again bool
	}{{200, false, false}, {500, true, true}, {429, true, true}, {404, true, false}} {
		status = tt.status
		again, err := sender.Send(soon(t), ChannelWebhook, notice)
		if (err != nil) != tt.failed || again != tt.again {
			t.Errorf("status %d: again is %v, %v", tt.status, again, err)
		}
		if err != nil {
			holdsNone(t, "the failure", err.Error(), "canary", "127.0.0.1")
		}
		if body != `{"n":1}` || key != "k1" {
			t.Errorf("sent %s as %s", body, key)
		}
	}
	if again, err := sender.Send(context.Background(), ChannelSlack, notice); err == nil || again {
		t.Errorf("a channel that nobody configured: %v, %v", again, err)
	}
}

// A notice to one person reaches that one alone, and nothing in it begins a header.
func TestNoticeToOnePerson(t *testing.T) {
	address, told := mailServer(t, "")
	sender, err := NewSender(Channels{SMTP: "smtp://" + address, MailFrom: "from@a.example", MailTo: []string{"team@b.example"}}, Egress{})
	must(t, err)
	_, err = sender.Send(soon(t), ChannelEmail, Notice{Key: "approval:x:1", Text: "Go?\r\nBcc: evil@c.example", To: []string{"zoe@b.example"}})
	must(t, err)
	all := <-told
	head, _, _ := strings.Cut(all[strings.Index(all, "DATA\n"):], "\n\n")
	if !strings.Contains(all, "RCPT TO:<zoe@b.example>") || strings.Contains(all, "team@b.example") || strings.Contains(head, "Bcc") || strings.Contains(all, "run , step") {
		t.Errorf("the server was told %s", all)
	}
	if again, err := sender.Send(soon(t), ChannelEmail, Notice{Key: "k", Text: "x", To: []string{"zoe@b.example\r\nRCPT TO:<evil@c.example>"}}); err == nil || again {
		t.Errorf("an address of two lines: %v, %v", again, err)
	}
}
