package remote

import "time"

// Limits of calls between processes.
const (
	// maxPart is the most that one message carries of a call or an answer: with its envelope it fits the smallest message size
	// that a bus is configured with (bus.MinPayload).
	maxPart = 512 << 10
	// maxCall is the largest call, and maxAnswer the largest answer, over all their parts: the largest body of the API and
	// the largest run with results are below them.
	maxCall   = 24 << 20
	maxAnswer = 256 << 20
	// maxCalls is how many calls a server has under way; one more is answered ErrOverloaded.
	maxCalls = 1024
	// maxStreams is how many calls whose answer is a stream a server has under way besides: each watch of a gateway is one, of a
	// workflow one at each engine.
	maxStreams = 8192
	// maxKnown is how many calls a server knows, with those that it answered and those of which parts are missing. The oldest
	// answers go first.
	maxKnown = 16384
	// maxKept is how many bytes of answers and of unfinished calls a server keeps.
	maxKept = 128 << 20
	// maxFrame is how many bytes of a stream are sent at once, and maxBatch how many items.
	maxFrame = 256 << 10
	maxBatch = 256
	// maxPrepared is how many kinds of single jobs a client remembers to be kept; then it asks again.
	maxPrepared = 1024
	// maxShown is how many runs a watch of a workflow remembers to have shown, so that none is shown twice.
	maxShown = 4096
)

// Waits of calls between processes.
const (
	// defaultDeadline is for a call whose caller names none.
	defaultDeadline = 30 * time.Second
	// askAgain is after which silence a call is sent again. Also how its server knows that somebody still waits.
	askAgain = time.Second
	// abandoned is the silence after which a server takes the caller to be gone, and stops what it does for it: a few askAgain.
	abandoned = 5 * time.Second
	// remembered is for how long a server can answer a call again that it has answered.
	remembered = time.Minute
	// backOffMin and backOffMax are between two tries to find the owner of a partition that is moving.
	backOffMin = 20 * time.Millisecond
	backOffMax = 200 * time.Millisecond
	// readPatience is how long a read waits for an owner before it asks whether there is any engine at all, and presenceWait for how
	// long it asks: together the time after which a read is refused when none is there.
	readPatience = 3 * time.Second
	presenceWait = 1500 * time.Millisecond
	// returnTime is kept of a deadline for the answer's way back.
	returnTime = 200 * time.Millisecond
	// frameAnswer is how long a server waits for the word that a frame of a stream was taken before it sends it again, and
	// viewerGone the silence after which the viewer is gone.
	frameAnswer = 2 * time.Second
	viewerGone  = 15 * time.Second
	// lookAround is how often a watch of a workflow looks whether there are other engines.
	lookAround = 2 * time.Second
	// healthWait is how long a gateway waits for an engine's word that it is there, and healthKept for how long it believes it.
	healthWait = 2 * time.Second
	healthKept = time.Second
)
