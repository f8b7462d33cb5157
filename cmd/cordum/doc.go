// Command cordum is the server and the command line of Cordum in one binary; under the name cordumctl it is the same.
//
// It owns the wiring (which store, bus, engine and gateway make a server, and who stops first), the process's settings
// and signals, and the commands, which are clients of the HTTP API like everybody else's. Only "workflow lint" and
// "workflow graph FILE" work without a server, on the same packages that a server checks definitions with.
//
// It decides nothing about runs, reads no store and speaks to no worker.
//
// Begin reading with main.go and root.go; a command is in the file named after its noun, "serve" in serve.go, its
// settings in settings.go, and what is started in which order in wire.go. Exit codes are the table in exit.go.
package main
