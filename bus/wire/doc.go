// Package wire is the worker wire: the packets of CAP v2 (package cordum.agent.v1) generated from cordum.proto, our
// fields from number 1000 up, and the subjects they travel on.
//
// It owns names and numbers, never behaviour: who sends what when is said in the comments of cordum.proto and kept by
// the scheduler on one side and sdk/go on the other. Begin reading at cordum.proto.
package wire
