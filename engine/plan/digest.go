package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// digest is the SHA-256 of a plan's canonical JSON, made before it has a digest and before pools are filled in.
func digest(p *Plan) string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("a plan that cannot be written down: %v", err)) // it holds nothing but JSON
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		panic(fmt.Sprintf("a plan that cannot be read back: %v", err))
	}
	sum := sha256.Sum256(canonical(plain(v)))
	return hex.EncodeToString(sum[:])
}

// plain makes the numbers of decoded JSON what canonical JSON is written of.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64() // a number in JSON that we wrote ourselves
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// canonical is a JSON value in its one spelling; nil when it has none.
func canonical(v any) json.RawMessage {
	out, err := yamlx.AppendCanonical(nil, v)
	if err != nil {
		return nil
	}
	return out
}

// servedBy fills in which pools can take the jobs of a plan, those of children included.
func (p *Plan) servedBy(pools func(topic string) []string) {
	asked := map[string][]string{}
	serve := func(j *Job) {
		list, known := asked[j.Topic]
		if !known {
			list = slices.Compact(slices.Sorted(slices.Values(pools(j.Topic))))
			if list == nil {
				list = []string{}
			}
			asked[j.Topic] = list
		}
		j.Pools = &list
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Job != nil {
			serve(s.Job)
		}
		if s.Undo != nil {
			serve(&s.Undo.Job)
		}
		if s.Child != nil && s.Child.Plan != nil {
			s.Child.Plan.servedBy(pools)
		}
	}
}

// span writes a duration as definitions do; "" for none.
func span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return dag.FormatDuration(d)
}
