package store

import "context"

// Level is the stored format's level; a binary reads all levels up to its own and writes at the store's. What is only written from
// a level on is beside that level's name.
type Level uint16

// The levels.
const (
	LevelFirst Level = 1
	// LevelBuilds: the first fact of a run says which version of Cordum took it.
	LevelBuilds Level = 2
	// LevelNames is of the same version: what blobs and definitions of single jobs are named by is noted by all that write. What is
	// put into a store below it has no note of when, and is never swept: a version before this one may name it without a word.
	LevelNames = LevelBuilds
)

// Upgraded is what a store says of its level.
type Upgraded struct {
	Level Level // now; at most CurrentLevel
	// Wanted is the level that somebody asked the processes that use the store to raise it to; 0 or at most Level: nobody did.
	Wanted Level
}

// Upgrader is a store whose level can be raised. Nothing lowers it. Both calls may be made again after any end of the process: a
// level is raised by one write, wholly or not at all.
type Upgrader interface {
	// WantLevel keeps in the store that its level is to be raised, for the processes that use it; 0 takes that back. ErrInvalid
	// for a level above CurrentLevel.
	WantLevel(ctx context.Context, to Level) error
	// RaiseLevel raises the level; one that the store has or had does nothing. ErrInvalid for a level above CurrentLevel. Every
	// process that uses the store must be able to read it.
	RaiseLevel(ctx context.Context, to Level) error
	// ReadLevel reads what the store says now; Level answers it from then on. ErrNewer when somebody raised it above
	// CurrentLevel: then this binary cannot go on.
	ReadLevel(ctx context.Context) (Upgraded, error)
}
