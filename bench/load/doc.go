// Package load measures the built server from outside, as its users meet it: a server process, a worker process on the
// Go SDK with a tool that does nothing, runs started over HTTP, ends seen over the WebSocket.
//
// It reports facts and judges nothing. Begin reading at load.go, which lists the measurements in order.
package load
