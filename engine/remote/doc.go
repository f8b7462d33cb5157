// Package remote carries the calls of the API to the engine process that owns what they are about, over the bus.
//
// A [Client] has every call of an engine. It knows where each goes: to the owner of a run's partition, to the owner of the
// partition of a name's hash, to the owner of partition 0 for what the whole installation agrees on, or to any engine for
// lists. In a process that has an engine of its own, what that engine owns is called directly. A [Server] answers for one
// engine, for the partitions that it owns.
//
// A call is sent again until it is answered, and the owner may change meanwhile. It is never done twice: a server knows the
// calls that it has been sent by their ids; a changing call carries a command id that the partition remembers in the commit;
// and a call that has neither is not sent to another owner once the first one may have begun with it: its caller is told
// that the outcome is unknown.
//
// It owns the subjects cordum.call.* and what is said on them. It never decides anything, keeps nothing, and does not know
// HTTP. The bus may lose, double and delay what it is given.
//
// Begin reading at methods.go, the table of calls; then client.go, server.go and stream.go.
package remote
