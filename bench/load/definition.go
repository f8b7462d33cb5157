package load

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// pack is what all tools of the measurements are of: the topic of a tool is job.PACK.TOOL.
const pack = "bench"

// Tools of the workers' processes.
const (
	toolNoop   = "noop"   // does nothing
	toolQueued = "queued" // does nothing, or what its turn says: see turns
	toolHeld   = "held"   // does nothing, or is kept until its worker ends: see hold
	toolLines  = "lines"  // writes linesPerJob lines to its log
	toolCAP    = "cap"    // does nothing, by a worker that knows CAP and no more
)

// topicOf is where the jobs of a tool are sent.
func topicOf(tool string) string { return "job." + pack + "." + tool }

// chainDefinition is a workflow of steps of one tool, one after another.
func chainDefinition(id, tool string, steps int) []byte {
	type step struct {
		ID        string   `json:"id"`
		Pack      string   `json:"pack"`
		Tool      string   `json:"tool"`
		Effect    string   `json:"effect"`
		DependsOn []string `json:"depends_on,omitempty"`
	}
	all := make([]step, steps)
	for i := range all {
		all[i] = step{ID: "s" + strconv.Itoa(i), Pack: pack, Tool: tool, Effect: "none"}
		if i > 0 {
			all[i].DependsOn = []string{all[i-1].ID}
		}
	}
	definition, err := json.Marshal(map[string]any{"id": id, "steps": all})
	if err != nil {
		panic(err) // strings and slices of them always encode
	}
	return definition
}

// delayedDefinition is a workflow of a pause and then one step of a tool.
func delayedDefinition(id, tool string, delay time.Duration) []byte {
	return fmt.Appendf(nil, `{"id":%q,"steps":[{"id":"rest","type":"delay","for":"%dms"},{"id":"s0","pack":%q,"tool":%q,"effect":"none","depends_on":["rest"]}]}`,
		id, delay.Milliseconds(), pack, tool)
}

// fanDefinition is a workflow of one step that is done for each number up to input.n, so many together.
func fanDefinition(id, tool string, together int) []byte {
	return fmt.Appendf(nil, `{"id":%q,"steps":[{"id":"each","pack":%q,"tool":%q,"effect":"none","for_each":"0..(input.n - 1)","max_parallel":%d}]}`,
		id, pack, tool, together)
}

// fanInput is the input of a run of it with so many items.
func fanInput(items int) string { return fmt.Sprintf(`{"n":%d}`, items) }
