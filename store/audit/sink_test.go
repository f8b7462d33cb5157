package audit_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/store/audit"
)

var one = audit.Record{
	Chain: audit.Chain{Partition: 3, Tenant: "acme"}, Seq: 7, At: epoch, Act: audit.Approval, Actor: "user:ann", Run: "07X", Subject: `a"b]c\d`,
	Detail: "voted\n<134>1 forged\x00", FactSeq: 9, FactHash: audit.Hash{1}, Prev: audit.Hash{2}, Hash: audit.Hash{3},
}

func TestSyslogMessage(t *testing.T) {
	got := string(audit.AppendSyslog(nil, &one, "host name"))
	zeros := strings.Repeat("00", 31)
	want := `<110>1 2026-11-21T10:00:00.000000Z host_name cordum - approval [cordum@32473 tenant="acme" partition="3" seq="7" act="approval" ` +
		`actor="user:ann" run="07X" subject="a\"b\]c\\d" detail="voted\\u000a<134>1 forged\\u0000" fact_seq="9" fact_hash="01` + zeros +
		`" prev="02` + zeros + `" hash="03` + zeros + `"] approval by user:ann a"b]c\d voted <134>1 forged\u0000`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// Over TCP every message has its length before it, and a connection that broke is made anew.
func TestSyslogOverTCP(t *testing.T) {
	ln := listen(t)
	got := make(chan string, 10)
	go func() {
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for {
				length, err := in.ReadString(' ')
				if err != nil {
					break
				}
				size, err := strconv.Atoi(strings.TrimSpace(length))
				if err != nil {
					got <- "no length: " + length
					break
				}
				message := make([]byte, size)
				if _, err := io.ReadFull(in, message); err != nil {
					break
				}
				got <- string(message)
			}
			_ = conn.Close()
		}
	}()
	sink, err := audit.OpenSink("syslog+tcp://"+ln.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	two := one
	two.Seq = 8
	if err := sink.Send(ctx, []audit.Record{one, two}); err != nil {
		t.Fatal(err)
	}
	for _, seq := range []string{`seq="7"`, `seq="8"`} {
		if m := <-got; !strings.Contains(m, seq) || !strings.HasPrefix(m, "<110>1 ") {
			t.Errorf("message %q, want %s in it", m, seq)
		}
	}
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
	if err := sink.Send(ctx, []audit.Record{one}); err != nil {
		t.Error(err)
	}
	<-got
	_ = sink.Close()
}

func TestSyslogOverUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sink, err := audit.OpenSink("syslog+udp://"+conn.LocalAddr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	if err := sink.Send(ctx, []audit.Record{one}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, _, err := conn.ReadFrom(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "<110>1 ") {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

// A webhook is called in batches, signed, and again when it was away; what it refuses is not tried again.
func TestWebhook(t *testing.T) {
	calls, records := 0, 0
	ids := map[string]int{}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("s3"))
		fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
			t.Errorf("signature %s, want %s", r.Header.Get("webhook-signature"), want)
		}
		ids[r.Header.Get("webhook-id")]++
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var in struct{ Records []audit.Record }
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		records += len(in.Records)
	}))
	defer hook.Close()
	sink, err := audit.OpenSink(hook.URL, "s3")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	l := newLedger(t, 1)
	for range 15 {
		l.write(acme, 10)
	}
	if err := sink.Send(ctx, pages(t, l, audit.Query{Tenant: "acme", Limit: 200})); err != nil || calls != 3 || records != 150 || len(ids) != 2 {
		t.Errorf("%d calls with %d records and %d ids, %v", calls, records, len(ids), err)
	}
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	if sink, err = audit.OpenSink(refusing.URL, ""); err != nil {
		t.Fatal(err)
	}
	if err := sink.Send(ctx, []audit.Record{one}); err == nil || !strings.Contains(err.Error(), "after 1 tries") {
		t.Errorf("a refusal: %v", err)
	}
}

func TestAddressesOfSinks(t *testing.T) {
	for _, address := range []string{"", "file:///x", "syslog+tcp://host", "https://user:pw@host/", "ftp://host:1"} {
		if _, err := audit.OpenSink(address, ""); err == nil {
			t.Errorf("%q passes", address)
		}
	}
}
