package pointers

import "time"

// Limits of what is kept.
const (
	// TTL is how long anything is kept that does not say: CAP's 24 h.
	TTL = 24 * time.Hour
	// MaxValue is the largest value: a result of 16 MiB.
	MaxValue = 16 << 20
	// MaxBytes is what a Table holds altogether, MaxKeys how many values. Writes beyond are refused, never older ones dropped:
	// they are inputs of jobs under way.
	MaxBytes = 512 << 20
	MaxKeys  = 1 << 20
	// workerBytes and workerKeys are what is held in all when workers are refused: what is left is for inputs, so that workers who
	// fill it keep nobody from being sent a job.
	workerBytes = MaxBytes / 4 * 3
	workerKeys  = MaxKeys / 4 * 3
	// maxKey is the longest key.
	maxKey = 512
	// keyCost is what a key weighs besides its bytes.
	keyCost = 128
	// sweepEvery is how often values are removed whose time is over, sweepKeys how many are looked at.
	sweepEvery = time.Minute
	sweepKeys  = 100_000
)

// Limits of the listener.
const (
	// maxConns is how many connections there are at a time. For one more, one that has been silent for longest, and for
	// idleLeast at least, is closed; it is refused with a word when there is none.
	maxConns  = 1024
	idleLeast = 2 * time.Second
	// helloTime is how long a connection may take until it has shown the password and said a first command.
	helloTime = 10 * time.Second
	// maxArgs is how many words a command has at most, maxLine how long a line is.
	maxArgs = 64
	maxLine = 1 << 10
	// maxSmall is the longest word of a command of somebody who has not shown the password yet.
	maxSmall = 1 << 10
	// maxCommand is what all words of a command weigh: a value, and the words around it.
	maxCommand = MaxValue + 64<<10
	// maxUpload is what large values weigh that are on their way in at a time, in pieces of uploadPiece; others wait. A word is
	// large when it is longer than a piece: a command has one at most.
	maxUpload   = 128 << 20
	uploadPiece = 64 << 10
	// MinPassword is the shortest password: on one machine a hundred thousand guesses a second can be made.
	MinPassword = 16
	// maxGuesses is how many wrong passwords a connection may show.
	maxGuesses = 3
	// sayEvery is how often it is said that connections were closed.
	sayEvery = 10 * time.Second
	// commandTime is how long the rest of a command may take once it has begun, and its answer.
	commandTime = 30 * time.Second
)

// Waits of the client.
const (
	dialTimeout = 5 * time.Second
	callTimeout = 5 * time.Second
)
