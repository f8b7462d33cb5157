// Package exec is a worker that runs commands: those that its own configuration lists, and nothing else.
//
// A tool is a program that was found once at the start, and a list of arguments in which declared fields of the input stand
// for themselves. There is no shell: each argument stays one, whatever is in it. What a job may send, what the program sees of
// the environment, how long it runs, how much it writes and what its exit codes mean is said by the configuration, and so is
// what it does to the world: a job that claims less is refused.
//
// It never runs a program that somebody else than its owner can change, never hands on an input that was not declared, and
// leaves no process of a job behind in its process group.
//
// Begin reading at [Config], then tool.go (what a job becomes) and process.go (how it is run).
package exec
