// Package redis keeps a store in a Redis server, alone, behind Sentinels or as a cluster, so that several processes can
// share it.
//
// It owns the layout of keys (keys.go: everything of a partition shares one hash tag), what is atomic (lua/commit.lua:
// one script per partition and commit looks at every condition before it writes), what an acknowledgement is worth
// (survey.go asks the server and refuses settings that lose data), how an answer that was lost is settled (flight.go: a
// unit has a number and changes nothing the second time), and when the store is not the one it was (failure.go: another
// id, or a generation lower than one that this process has seen).
//
// It never interprets a value, never starts a transaction over two partitions, and never leaves a call to the client's
// own retries.
//
// A partition's records move to another node of a cluster only as fast as Redis moves the slot: until it has, commits
// that make new keys are refused.
//
// Begin reading at [Open], then [Store.Commit] and lua/commit.lua.
package redis
