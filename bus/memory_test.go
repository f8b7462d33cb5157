package bus

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestMemoryInABubble is what the simulation needs: waiting on the bus lets the fake clock advance, and Close leaves
// no goroutine behind.
func TestMemoryInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory()
		_, err := m.Subscribe("ask", "", func(msg Msg) {
			go func() {
				time.Sleep(24 * time.Hour)
				m.Publish(msg.Reply, []byte("tomorrow"))
			}()
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		answer, err := m.Request(context.Background(), "ask", nil)
		if err != nil || string(answer) != "tomorrow" || time.Since(start) != 24*time.Hour {
			t.Fatalf("%q, %v after %v", answer, err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		if _, err := m.Request(ctx, "ask", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		time.Sleep(48 * time.Hour) // the answer that nobody waits for
		m.Close()
	})
}

func TestMemoryRequestEndsWithTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory()
		if _, err := m.Subscribe("ask", "", func(Msg) {}); err != nil {
			t.Fatal(err)
		}
		failed := make(chan error, 1)
		go func() {
			_, err := m.Request(context.Background(), "ask", nil)
			failed <- err
		}()
		synctest.Wait()
		m.Close()
		if err := <-failed; !errors.Is(err, ErrClosed) {
			t.Fatalf("got %v, want ErrClosed", err)
		}
	})
}

func TestMemoryDropsTheNewestBeyondItsLimit(t *testing.T) {
	m := NewMemory()
	defer m.Close()
	started, release := make(chan struct{}, 1), make(chan struct{})
	count := 0
	all := make(chan struct{})
	_, err := m.Subscribe("s", "", func(msg Msg) {
		select {
		case started <- struct{}{}:
		default:
		}
		<-release
		if count++; len(msg.Data) == 0 && count == 1+MaxPendingMessages {
			close(all)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Publish("s", nil)
	<-started
	for range MaxPendingMessages + 5 {
		m.Publish("s", nil)
	}
	if m.Dropped() != 5 {
		t.Fatalf("%d dropped, want 5", m.Dropped())
	}
	close(release)
	<-all
}

// TestMatches compares matching with its definition, token by token.
func TestMatches(t *testing.T) {
	token := rapid.SampledFrom([]string{"a", "b", "job"})
	rapid.Check(t, func(t *rapid.T) {
		subject := rapid.SliceOfN(token, 1, 5).Draw(t, "subject")
		pattern := rapid.SliceOfN(rapid.OneOf(token, rapid.Just("*")), 1, 5).Draw(t, "pattern")
		rest := rapid.Bool().Draw(t, "rest")
		want := len(pattern) == len(subject)
		if rest {
			want = len(subject) > len(pattern)
		}
		for i := range min(len(pattern), len(subject)) {
			want = want && (pattern[i] == "*" || pattern[i] == subject[i])
		}
		if rest {
			pattern = append(pattern, ">")
		}
		p, s := strings.Join(pattern, "."), strings.Join(subject, ".")
		if checkSubject(p, true) != nil || checkSubject(s, false) != nil {
			t.Fatalf("%q or %q is refused", p, s)
		}
		if got := matches(p, s); got != want {
			t.Fatalf("%q matches %q: %v, want %v", p, s, got, want)
		}
	})
}

func TestReconnectDelay(t *testing.T) {
	for attempts := range 40 {
		wait := reconnectDelay(attempts)
		if wait < ReconnectWaitMin*4/5 || wait > ReconnectWaitMax {
			t.Errorf("try %d waits %v", attempts, wait)
		}
	}
	if first, late := reconnectDelay(1), reconnectDelay(30); first > ReconnectWaitMin || late < ReconnectWaitMax*4/5 {
		t.Errorf("the first try waits %v, a late one %v", first, late)
	}
}
