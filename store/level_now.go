//go:build !level1

package store

// CurrentLevel is the highest that this binary can read, and what it writes into a new store.
const CurrentLevel = LevelBuilds
