// Package remote puts the safety kernel into a process of its own: Server answers the gRPC service
// cordum.agent.v1.SafetyKernel out of whatever snapshot it is told is in force, Client asks it for an engine.
//
// It owns how a question and an answer cross the wire, who is admitted, and what a client makes of silence: an answer that
// is late, for another job, by rules that the client has not heard of, or with a word that it does not know is an error, and
// an error is never permission. It decides nothing (safety.Evaluate does), keeps no policy, and records nothing.
//
// Begin reading at question.go and answer.go (the wire), then server.go with admit.go, and client.go with watch.go.
// question_cap.go and answer_cap.go are for schedulers that speak plain CAP.
package remote
