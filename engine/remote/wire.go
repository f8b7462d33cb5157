package remote

import (
	"crypto/rand"
	"fmt"
	"reflect"
	"time"

	"cordum.dev/cordum/bus"
)

// callSubject is where calls about a partition go; its owner listens.
func callSubject(p int) string { return fmt.Sprintf("cordum.call.%02X", p) }

// anyCall matches the calls about every partition, for an engine that owns all of them for good.
const anyCall = "cordum.call.*"

// inboxPrefix begins the subjects on which a client hears answers: its name and the call's id follow.
const inboxPrefix = bus.InboxPrefix + ".call."

// request is a call, or a part of one.
type request struct {
	ID          string // of the call: the same each time that it is sent
	Partition   int    // whose owner is asked
	Method      string
	Left        time.Duration // until its deadline
	Again       bool          // an owner may have had it before this one
	Part, Parts int           // of the arguments
	Args        []byte        // this part of them
}

// Verdicts of an answer.
const (
	// answered: Data is a part of the reply.
	answered = iota
	// moved: nothing was done here; the partition is not this process's.
	moved
	// unknownOutcome: the call was sent before, to somebody else, and cannot be done a second time.
	unknownOutcome
	// frame: Data is a frame of a stream.
	framed
)

// answer is what comes back, or a part of it.
type answer struct {
	Verdict     int
	Part, Parts int
	Data        []byte
}

// reply is the whole answer of a call: its results, each encoded, or its error.
type reply struct {
	Failure *failure
	Results [][]byte
}

// frame is a piece of a stream. Frames are numbered from 1, and one is on its way at a time.
type frame struct {
	Number  uint64
	Items   [][]byte
	Asks    bool     // nothing new: has the frame of this number been taken?
	Last    bool     // the stream is over
	Moved   bool     // because the partition is not this process's any more
	Failure *failure // or because of this
}

// What a client says to a frame.
var (
	frameTaken = []byte("taken")
	frameBusy  = []byte("busy") // it is there, and nobody has taken it yet
	frameGone  = []byte("gone") // nobody reads this stream any more
)

func encode(v any) []byte { return appendValue(nil, reflect.ValueOf(v)) }

// decode reads what encode wrote into the value that to points to.
func decode(data []byte, to any) error { return decodeValue(data, reflect.ValueOf(to).Elem()) }

// encodeAll writes several values of known types.
func encodeAll(values []reflect.Value) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = appendValue(nil, v)
	}
	return out
}

// cut answers a part of data, of so many bytes each, and how many parts there are. Nothing is one part.
func cut(data []byte, part int) (piece []byte, parts int) {
	parts = max(1, (len(data)+maxPart-1)/maxPart)
	from := part * maxPart
	return data[from:min(from+maxPart, len(data))], parts
}

// pieces puts parts together. Parts may come twice and in any order.
type pieces struct {
	parts [][]byte
	have  int
	bytes int
}

// add takes a part, and tells whether all are there. A part that does not go with the others, or is beyond the most that all may
// have, is an error.
func (p *pieces) add(part, parts, most int, data []byte) (whole bool, err error) {
	if p.parts == nil {
		if parts < 1 || parts > (most+maxPart-1)/maxPart+1 {
			return false, fmt.Errorf("%w: of %d parts", errMalformed, parts)
		}
		p.parts = make([][]byte, parts)
	}
	if len(p.parts) != parts || part < 0 || part >= parts || len(data) > maxPart {
		return false, fmt.Errorf("%w: part %d of %d", errMalformed, part, parts)
	}
	if p.parts[part] == nil {
		p.parts[part] = append(make([]byte, 0, len(data)), data...)
		p.have++
		p.bytes += len(data)
	}
	return p.have == parts, nil
}

// joined is the whole.
func (p *pieces) joined() []byte {
	if len(p.parts) == 1 {
		return p.parts[0]
	}
	out := make([]byte, 0, p.bytes)
	for _, part := range p.parts {
		out = append(out, part...)
	}
	return out
}

// newID is a name that nobody else takes.
func newID() string { return rand.Text() }
