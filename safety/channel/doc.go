// Package channel tells people outside that an approval waits for them: over a webhook, an incoming webhook of Slack, and
// e-mail.
//
// It owns what is said, to whom what was told before, when a delivery is tried again and when it is given up. Every message
// is told at least once: what became of it is kept after it was sent, and after a restart whatever waits and has no such
// record is told again, under the same key.
//
// It never decides anything and never holds up an approval: it reads what was committed, and a channel that fails costs that
// channel's messages alone. It never sends what a job would do it with, which may hold secrets: people are shown that where
// they answer. How a channel is spoken to is its [Sender]'s.
//
// Begin with teller.go, the loop; question.go has the words.
package channel
