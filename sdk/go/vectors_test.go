package cordum

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus/wire"
)

// vectorKinds runs the cases of each kind of file in sdk/testdata/vectors; its README says what they mean. A kind
// without a row here fails the test.
var vectorKinds = map[string]func(t *testing.T, c vector){
	"packet":      runPacket,
	"name":        runName,
	"key":         runKey,
	"remembered":  runRemembered,
	"clip":        runClip,
	"backoff":     runBackoff,
	"failure":     runFailure,
	"output":      runOutput,
	"constraints": runConstraints,
	"decision":    runDecision,
	"evidence":    runEvidence,
	"job":         runJob,
	"intake":      runIntake,
	"progress":    runProgress,
	"logs":        runLogs,
}

// TestVectors: the library does what the libraries in other languages do.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("../testdata/vectors/*.json")
	if err != nil || len(files) < len(vectorKinds) {
		t.Fatalf("%d files for %d kinds: %v", len(files), len(vectorKinds), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			kind, cases := readVectors(t, file)
			run := vectorKinds[kind]
			if run == nil || len(cases) == 0 {
				t.Fatalf("%d cases of the unknown kind %q", len(cases), kind)
			}
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) { run(t, c) })
			}
		})
	}
}

// vector is one case of a file.
type vector struct {
	Name     string
	In, Want json.RawMessage
}

func readVectors(t *testing.T, file string) (kind string, cases []vector) {
	t.Helper()
	data, err := os.ReadFile(file)
	var raw any
	if err == nil {
		err = json.Unmarshal(data, &raw)
	}
	var read struct {
		Kind, About string
		Cases       []vector
	}
	if err == nil {
		data, _ = json.Marshal(written(raw)) // it was JSON
		err = json.Unmarshal(data, &read)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return read.Kind, read.Cases
}

// written puts what {repeat, times, then} stands for in its place.
func written(v any) any {
	switch x := v.(type) {
	case []any:
		for i := range x {
			x[i] = written(x[i])
		}
	case map[string]any:
		times, _ := x["times"].(float64)
		switch part := x["repeat"].(type) {
		case string:
			then, _ := x["then"].(string)
			return strings.Repeat(part, int(times)) + then
		case []any:
			var list []any
			for range int(times) {
				list = append(list, written(part).([]any)...)
			}
			return list
		}
		for k := range x {
			x[k] = written(x[k])
		}
	}
	return v
}

// read decodes one side of a case, strictly: a field that the test does not know fails it.
func read[T any](t *testing.T, raw json.RawMessage) (v T) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %.200s", err, raw)
	}
	return v
}

func readRequest(t *testing.T, raw json.RawMessage) *wire.JobRequest {
	t.Helper()
	r := &wire.JobRequest{}
	if err := protojson.Unmarshal(raw, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wants(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %.300v\nwant %.300v", got, want)
	}
}

// sameJSON compares JSON by what it means; both may be empty.
func sameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal(want, &b) != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("got  %.300s\nwant %.300s", got, want)
	}
}

// vectorWorker is a worker that is connected to nobody.
func vectorWorker(t *testing.T, change ...func(*WorkerConfig)) *Worker {
	t.Helper()
	cfg := WorkerConfig{ID: "w1"}
	for _, c := range change {
		c(&cfg)
	}
	w, err := NewWorker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func runPacket(t *testing.T, c vector) {
	in := read[struct{ Hex string }](t, c.In)
	want := read[struct {
		Packet             json.RawMessage
		Malformed, Unknown bool
	}](t, c.Want)
	raw := unhex(t, in.Hex)
	var got, packet wire.BusPacket
	err := proto.Unmarshal(raw, &got)
	if want.Malformed {
		if err == nil {
			t.Errorf("it decodes as %v", &got)
		}
		return
	}
	if err == nil {
		err = protojson.Unmarshal(want.Packet, &packet)
	}
	if err != nil {
		t.Fatal(err)
	}
	if want.Unknown {
		if proto.Unmarshal(raw, &got); !proto.Equal(known(&got), known(&packet)) {
			t.Errorf("got %v, want %v", &got, &packet)
		}
		return
	}
	if !proto.Equal(&got, &packet) {
		t.Errorf("got %v, want %v", &got, &packet)
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(&packet)
	if err != nil {
		t.Fatal(err)
	}
	var again wire.BusPacket
	if err := proto.Unmarshal(encoded, &again); err != nil || !proto.Equal(&again, &packet) || len(encoded) != len(raw) {
		t.Errorf("encoded as %x, want %x (%v)", encoded, raw, err)
	}
}

// known is a packet without what this version does not know.
func known(p *wire.BusPacket) *wire.BusPacket {
	p.ProtoReflect().SetUnknown(nil)
	return p
}
