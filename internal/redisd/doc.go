// Package redisd starts real Redis servers for tests: alone, as a cluster of primaries, with a replica, behind a
// Sentinel, over TLS; on free ports of the loopback interface, in folders of the test. They die with the test, however it
// ends: a cleanup kills them, and the kernel does when the test's process is killed.
//
// It never skips: a machine without redis-server gets it from its system's packages, or the test fails and says so.
//
// Begin reading at [Start].
package redisd
