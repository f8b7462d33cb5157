package process

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childRole makes this test binary play a child.
const childRole = "BENCH_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childRole) {
	case "ready":
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		fmt.Println(Ready)
		<-ended
	case "busy":
		fmt.Println(Ready)
		for began := time.Now(); time.Since(began) < time.Minute; { // it works until it is killed
		}
	case "talker":
		fmt.Println(Ready)
		fmt.Println("one\ntwo")
	case "broken":
		fmt.Fprintln(os.Stderr, strings.Repeat("x", 2*tailBytes)+" the reason")
		os.Exit(3)
	default:
		os.Exit(m.Run())
	}
}

func TestStartReady(t *testing.T) {
	t.Setenv(childRole, "ready")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := StartReady(ctx, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if bytes, err := p.Resident(); err != nil || bytes < 1<<20 {
		t.Errorf("resident memory %d, %v", bytes, err)
	}
	p.Stop()
	select {
	case <-p.Ended():
	default:
		t.Error("the child runs on after Stop")
	}
}

func TestStartReadySaysWhyAChildEnded(t *testing.T) {
	t.Setenv(childRole, "broken")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := StartReady(ctx, os.Args[0])
	if err == nil || !strings.HasSuffix(err.Error(), "the reason") {
		t.Errorf("got %v", err)
	}
	if len(err.Error()) > tailBytes+200 {
		t.Errorf("the error holds %d bytes of output", len(err.Error()))
	}
}

func TestStartOfNothing(t *testing.T) {
	if _, err := Start("./no-such-program"); err == nil {
		t.Error("started a program that does not exist")
	}
}

func TestLinesAfterReady(t *testing.T) {
	t.Setenv(childRole, "talker")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := StartReady(ctx, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	<-p.Ended()
	if one, two := <-p.Lines(), <-p.Lines(); one != "one" || two != "two" {
		t.Errorf("got %q and %q", one, two)
	}
}

func TestCPUGrowsAndKillEnds(t *testing.T) {
	t.Setenv(childRole, "busy")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := StartReady(ctx, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	for used := time.Duration(0); used < 50*time.Millisecond && ctx.Err() == nil; {
		if used, err = p.CPU(); err != nil {
			t.Fatal(err)
		}
	}
	if ctx.Err() != nil {
		t.Error("a busy child uses no processor")
	}
}
