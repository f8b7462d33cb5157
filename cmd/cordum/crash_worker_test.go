package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/nats-io/nats.go"
)

// The points of a worker. It is a process of its own; behind each of them comes what it writes to the bus next.
const (
	crashReceived = "CP8"  // a job has come, the worker has not asked to begin
	crashClaimed  = "CP9"  // the worker may begin
	crashWorked   = "CP10" // the work is done, its result is not sent
	crashReported = "CP11" // the result is sent, the worker has not seen that it is accepted
)

// workerPoints lists them.
func workerPoints() []string {
	return []string{crashReceived, crashClaimed, crashWorked, crashReported}
}

// crashWrite is what is written to the bus; its connection breaks.
const crashWrite crashOp = 100

func init() {
	for _, point := range workerPoints() {
		crashNext[point] = crashWrite
	}
}

// workerCrash is what makes a worker fail at a place; nil for none.
func workerCrash(text string) *crasher {
	if text == "" {
		return nil
	}
	plan, err := parseCrash(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return &crasher{plan: plan, told: func(what string) { fmt.Fprintf(os.Stderr, "crash: %s\n", what) }}
}

// reached is pass for those who may have no crasher.
func (c *crasher) reached(point string) {
	if c != nil {
		c.pass(point)
	}
}

// dialOptions have a worker's connection break where it should.
func (c *crasher) dialOptions() []nats.Option {
	if c == nil {
		return nil
	}
	return []nats.Option{nats.SetCustomDialer(crashDialer{c})}
}

type crashDialer struct{ c *crasher }

func (d crashDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return &brittleConn{Conn: conn, c: d.c}, nil
}

// brittleConn is a connection to the bus that breaks on purpose, and knows when a result was written.
type brittleConn struct {
	net.Conn
	c *crasher
}

func (c *brittleConn) Write(p []byte) (n int, err error) {
	fails, done := c.c.strike(crashWrite)
	if !fails || done {
		if n, err = c.Conn.Write(p); err == nil && bytes.Contains(p, []byte("PUB cordum.part.")) && bytes.Contains(p, []byte(`{"effect":`)) {
			c.c.pass(crashReported)
		}
	}
	if fails {
		return n, errors.Join(errPlanned, c.Close())
	}
	return n, err
}
