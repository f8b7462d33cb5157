package main

import (
	"context"
	"errors"
	"io"
	"sync"

	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/backup"
)

// This file is the crash points of what is done to a whole store: its upgrade, and the commands that copy, export and fill one.

// sourceOf is what backups are taken of.
func (c *crasher) sourceOf(s backup.Source) backup.Source {
	if c == nil {
		return s
	}
	return crashSource{s, c}
}

// crashSource passes a point when a backup is half done.
type crashSource struct {
	backup.Source
	c *crasher
}

func (s crashSource) Checkpoint(ctx context.Context, dir string) error {
	if err := s.Source.Checkpoint(ctx, dir); err != nil {
		return err
	}
	s.c.pass(crashBackup)
	return s.c.around(crashCopy, func() error { return nil })
}

// WantLevel is that of the store.
func (s *crashStore) WantLevel(ctx context.Context, to store.Level) error {
	return s.serverStore.(store.Upgrader).WantLevel(ctx, to)
}

// ReadLevel is that of the store.
func (s *crashStore) ReadLevel(ctx context.Context) (store.Upgraded, error) {
	return s.serverStore.(store.Upgrader).ReadLevel(ctx)
}

// RaiseLevel passes the points of an upgrade that a server does.
func (s *crashStore) RaiseLevel(ctx context.Context, to store.Level) error {
	return raised(s.c.step, func() error { return s.serverStore.(store.Upgrader).RaiseLevel(ctx, to) })
}

// raised raises a store's level between its points.
func raised(step func(string) error, raise func() error) error {
	if err := step(crashRaising); err != nil {
		return err
	}
	if err := raise(); err != nil {
		return err
	}
	return step(crashRaised)
}

// step passes a point; when it answers an error, what comes next is not to be done.
func (c *crasher) step(point string) error {
	if c == nil {
		return nil
	}
	c.pass(point)
	return c.around(crashRest, func() error { return nil })
}

// commandCrasher is what makes a command fail that is no server.
var commandCrasher = sync.OnceValues(orderedCrash)

// crashStep passes a point of a command.
func crashStep(point string) error {
	c, err := commandCrasher()
	return errors.Join(err, c.step(point))
}

// crashingSource is what a command takes a backup of.
func crashingSource(s backup.Source) backup.Source {
	c, _ := commandCrasher() // an order that does not read is an error of the next step
	return c.sourceOf(s)
}

// crashingWriter is what a command exports to.
func crashingWriter(w io.Writer) io.Writer {
	if c, _ := commandCrasher(); c != nil {
		return crashWriter{w}
	}
	return w
}

// crashWriter passes a point in the middle of each write.
type crashWriter struct{ w io.Writer }

func (w crashWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p[:len(p)/2])
	if err == nil {
		err = crashStep(crashExporting)
	}
	if err != nil {
		return n, err
	}
	rest, err := w.w.Write(p[n:])
	return n + rest, err
}
