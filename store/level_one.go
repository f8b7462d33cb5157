//go:build level1

package store

// CurrentLevel is that of the first version: a test builds the older one of two versions like this.
const CurrentLevel = LevelFirst
