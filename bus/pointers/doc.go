// Package pointers is where payloads of plain CAP workers lie: such a worker is sent the name of its input,
// redis://ctx:JOB, and answers with the name of its output, redis://res:JOB, both keys of a Redis.
//
// It owns that Redis: [Redis] is a client of a real one, and [Listener] is a small server that speaks enough of Redis'
// protocol for workers, over a [Table] in memory, so that they work where there is none. It knows keys and bytes only, never
// what a job is, and it keeps nothing that the store does not have: all of it may be lost.
//
// Begin reading at Table; commands.go has what workers may say.
package pointers
