package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Errors of a shelf.
var (
	// ErrBusy says that a backup is being taken: one at a time.
	ErrBusy = errors.New("a backup is being taken; wait until it is done")
	// ErrNoSuch says that there is no backup of this name.
	ErrNoSuch = errors.New("there is no such backup")
)

// State is where a backup stands.
type State string

// The states of a backup.
const (
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
)

// Entry is a backup on a shelf.
type Entry struct {
	Name     string
	State    State
	BegunAt  time.Time
	Manifest *Manifest // of one that is done
	Err      error     // of one that failed; known until the next begins
}

// ShelfConfig says what a shelf is for.
type ShelfConfig struct {
	Dir    string // the folder; made by the first backup
	Source Source
	Server string           // version of the program
	Logger *slog.Logger     // default slog.Default()
	Now    func() time.Time // default time.Now
}

// Shelf takes the backups of a running server, one at a time, and knows those that are there. It is safe for concurrent use; what
// Begin asks for is done by Run.
type Shelf struct {
	cfg  ShelfConfig
	wish chan Entry // the one that is to be taken

	mu     sync.Mutex
	newest Entry // the last that was begun; its zero value: none
	about  About // of newest
}

// NewShelf makes a shelf.
func NewShelf(cfg ShelfConfig) *Shelf {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Shelf{cfg: cfg, wish: make(chan Entry, 1)}
}

// Begin asks for a backup and answers at once what it will be called; ErrBusy while one is being taken. record, which may wait, is
// told the name before anything is done, and what it refuses is not begun.
func (s *Shelf) Begin(by, reason string, record func(name string) error) (Entry, error) {
	s.mu.Lock()
	before, now := s.newest, s.cfg.Now().UTC()
	if before.State == Running {
		s.mu.Unlock()
		return before, fmt.Errorf("%s: %w", before.Name, ErrBusy)
	}
	e := Entry{Name: NewName(now), State: Running, BegunAt: now}
	s.newest, s.about = e, About{At: now, By: by, Reason: reason, Server: s.cfg.Server}
	s.mu.Unlock()
	if err := record(e.Name); err != nil {
		s.mu.Lock()
		s.newest = before
		s.mu.Unlock()
		return Entry{}, err
	}
	s.wish <- e // has room: the one before is done
	return e, nil
}

// Run takes the backups that are asked for until ctx ends. One that is being taken then is broken off.
func (s *Shelf) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-s.wish:
			s.take(ctx, e)
		}
	}
}

func (s *Shelf) take(ctx context.Context, e Entry) {
	s.mu.Lock()
	about := s.about
	s.mu.Unlock()
	m, err := Create(ctx, s.cfg.Source, s.cfg.Dir, e.Name, about)
	took := s.cfg.Now().Sub(e.BegunAt)
	if err == nil {
		e.State, e.Manifest = Done, &m
		s.cfg.Logger.Info("backup taken", "backup", e.Name, "runs", m.Counts.Runs, "bytes", m.Bytes(), "took", took, "by", about.By)
	} else {
		e.State, e.Err = Failed, err
		s.cfg.Logger.Error("backup failed", "backup", e.Name, "error", err, "by", about.By)
	}
	s.mu.Lock()
	s.newest = e
	s.mu.Unlock()
}

// Get answers one backup, or ErrNoSuch.
func (s *Shelf) Get(name string) (Entry, error) {
	s.mu.Lock()
	newest := s.newest
	s.mu.Unlock()
	if newest.Name == name && name != "" {
		return newest, nil
	}
	if !isName.MatchString(name) {
		return Entry{}, ErrNoSuch
	}
	m, err := ReadManifest(filepath.Join(s.cfg.Dir, name))
	switch {
	case errors.Is(err, ErrNotBackup) && m.Name == "":
		return Entry{}, ErrNoSuch
	case err != nil:
		return Entry{Name: name, State: Failed, Err: err}, nil
	}
	return Entry{Name: name, State: Done, BegunAt: m.TakenAt, Manifest: &m}, nil
}

// List answers the newest backups, newest first, the one that is being taken among them.
func (s *Shelf) List() ([]Entry, error) {
	names, err := List(s.cfg.Dir)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	newest := s.newest
	s.mu.Unlock()
	var out []Entry
	if newest.Name != "" && newest.State != Done {
		out = append(out, newest)
	}
	for _, name := range names {
		e, err := s.Get(name)
		switch {
		case errors.Is(err, ErrNoSuch):
		case err != nil:
			return nil, err
		default:
			out = append(out, e)
		}
	}
	return out, nil
}

// isName tells names of backups from whatever else is in a folder.
var isName = regexp.MustCompile(`^\d{8}T\d{6}Z-[a-z0-9]{6}$`)

// List names the newest backups in a folder, newest first, at most [MaxShelf]. A folder that is not there has none.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && isName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Reverse(names)
	return names[:min(len(names), MaxShelf)], nil
}
