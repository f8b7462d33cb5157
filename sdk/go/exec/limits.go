package exec

import "time"

// Limits of the configuration and of what it runs.
const (
	maxConfig = 1 << 20 // bytes of a configuration
	maxTools  = 1000
	// maxArg is the longest argument, and maxArgs what all of them and the environment may weigh: Linux takes no more of one
	// (MAX_ARG_STRLEN), and several times that of all.
	maxArg  = 128<<10 - 1
	maxArgs = 1 << 20
	// maxStdin is what is given to a program at most: an input is no larger.
	maxStdin = 16 << 20
	// defaultOutput is how much of stdout is kept where the tool does not say, maxOutput the most it can say: in a result that
	// is JSON every byte may need six.
	defaultOutput = 1 << 20
	maxOutput     = 2 << 20
	// maxSaid is how much of the end of stderr a failure repeats.
	maxSaid = 2 << 10
	// maxField is the longest text of an input field where nothing is said.
	maxField = 64 << 10
	// minSecret is the shortest value that is hidden: shorter ones would hide everything.
	minSecret = 4
	// unlimitedPlaces is how many jobs of a tool run together where nothing is said: more than any worker takes.
	unlimitedPlaces = 10_000
	// maxName is how much of a name that a job sends an error repeats.
	maxName = 64
)

// Times.
const (
	// defaultTimeout is how long a program may run where neither its tool nor its job says, maxTimeout the most a tool can say.
	defaultTimeout = 10 * time.Minute
	maxTimeout     = 7 * 24 * time.Hour
	// defaultGrace is how long a program has to end by itself when it is told to, maxGrace the most it can be given.
	defaultGrace = 5 * time.Second
	maxGrace     = 5 * time.Minute
	// pipeDelay is how long the pipes of a program that has ended may be held open by what it started.
	pipeDelay = time.Second
)
