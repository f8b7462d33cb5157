// Package kernel is the gRPC service cordum.agent.v1.SafetyKernel, generated from kernel.proto: its names and nothing
// else. The messages are those of bus/wire; safety/remote serves it and asks it.
package kernel
