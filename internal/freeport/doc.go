// Package freeport gives tests addresses for processes that they stop and start again.
//
// A port that the system gave out and that was closed again is anybody's: another process, or the other end of any
// connection, may have it when the server comes back to it. So these ports lie below those that the system gives out by
// itself, and each is one test's until it has ended, in whatever process that is.
package freeport
