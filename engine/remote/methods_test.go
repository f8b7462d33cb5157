package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/safety"
)

// elsewhere are calls of the API that are made of others, or need no engine.
var elsewhere = map[string]string{
	"CheckWorkflow": "",
	"Health":        "Partitions",
	"Inspect":       "Record",
	"ExportAudit":   "ExportAudit",
	"Dump":          "Dump",
	"Watch":         "Watch",
	"Locks":         "LocksAt",
}

// TestEveryCallIsCarried goes over every method of the gateway's engine: it is in the table, under the types that the client
// has for it, and what does it is the runner's method of that name.
func TestEveryCallIsCarried(t *testing.T) {
	api, client := reflect.TypeFor[gateway.Engine](), reflect.TypeFor[*Client]()
	for i := range api.NumMethod() {
		name := api.Method(i).Name
		own, has := client.MethodByName(name)
		if !has {
			t.Errorf("the client has no %s", name)
			continue
		}
		if by, is := elsewhere[name]; is {
			_, inMethods := methods[by]
			_, inStreams := streams[by]
			if by != "" && !inMethods && !inStreams {
				t.Errorf("%s is made of %s, which is not carried", name, by)
			}
			continue
		}
		m, has := methods[name]
		if !has {
			t.Errorf("%s is not carried", name)
			continue
		}
		args, results, _ := m.signature()
		var wantArgs, wantResults []reflect.Type
		for j := 2; j < own.Type.NumIn(); j++ {
			wantArgs = append(wantArgs, own.Type.In(j))
		}
		for j := range own.Type.NumOut() - 1 {
			wantResults = append(wantResults, own.Type.Out(j))
		}
		if !slices.Equal(args, wantArgs) || !slices.Equal(results, wantResults) {
			t.Errorf("%s: the engine takes %v and answers %v; the client takes %v and answers %v", name, args, results, wantArgs, wantResults)
		}
		if does := runtime.FuncForPC(reflect.ValueOf(m.fn).Pointer()).Name(); !strings.HasSuffix(does, "."+name) {
			t.Errorf("%s is done by %s", name, does)
		}
	}
	_ = gateway.AdaptFar(&Client{}) // it is one
}

// TestEveryTypeSurvives sends filled values of everything that any call takes or answers through the encoding.
func TestEveryTypeSurvives(t *testing.T) {
	all := map[reflect.Type]string{reflect.TypeFor[runner.Message](): "Watch", reflect.TypeFor[runner.RecordPart](): "Record", reflect.TypeFor[runner.PastDecision](): "Decisions"}
	for name, m := range methods {
		args, results, _ := m.signature()
		for _, one := range append(args, results...) {
			all[one] = name
		}
	}
	for name, s := range streams {
		for _, one := range s.args {
			all[one] = name
		}
	}
	for one, name := range all {
		t.Run(name+"/"+one.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := reflect.New(one).Elem()
				fill(t, want, 0)
				got := reflect.New(one).Elem()
				data := appendValue(nil, want)
				if err := decodeValue(data, got); err != nil {
					t.Fatal(err)
				}
				a, b := asJSON(t, want), asJSON(t, got)
				if a != b || !reflect.DeepEqual(plainly(want), plainly(got)) {
					t.Fatalf("sent %s\ngot  %s", a, b)
				}
				if len(data) > 0 {
					_ = decodeValue(data[:rapid.IntRange(0, len(data)-1).Draw(t, "cut")], reflect.New(one).Elem()) // no panic
				}
			})
		})
	}
}

// plainly is a value whose dynamic parts are compared by their JSON alone.
func plainly(v reflect.Value) any {
	if v.Type() == reflect.TypeFor[[]runner.Event]() || v.Type() == reflect.TypeFor[runner.Message]() {
		return nil
	}
	return v.Interface()
}

func asJSON(t *rapid.T, v reflect.Value) string {
	raw, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatalf("%s: %v", v.Type(), err)
	}
	return string(raw)
}

// fill draws a value for every exported field, the depths of what refers to itself aside.
func fill(t *rapid.T, v reflect.Value, depth int) {
	if v.Type() == timeType {
		v.Set(reflect.ValueOf(time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).UTC()))
		return
	}
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		v.SetBytes([]byte(rapid.SampledFrom([]string{"null", `{"a":[1,"é"]}`, "1", `""`}).Draw(t, "json")))
		return
	}
	few := func() int { return rapid.IntRange(-1, 2).Draw(t, "n") }
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "b"))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(int8(rapid.Int64().Draw(t, "i"))))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(uint8(rapid.Uint64().Draw(t, "u"))))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(rapid.Int16().Draw(t, "f")) / 4)
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "text"))
	case reflect.Pointer:
		if depth < 6 && rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), depth+1)
		}
	case reflect.Slice:
		if n := few(); n >= 0 && depth < 6 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(t, v.Index(i), depth+1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), depth+1)
		}
	case reflect.Map:
		if n := few(); n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, item := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(t, key, depth+1)
				fill(t, item, depth+1)
				v.SetMapIndex(key, item)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(t, v.Field(i), depth+1)
			}
		}
	case reflect.Interface:
		if v.NumMethod() == 0 {
			v.Set(reflect.ValueOf(rapid.SampledFrom([]any{
				"text", 7, int64(-7), 1.5, true,
				[]string{"a"},
				[]any{1, nil},
				map[string]any{"k": []int{1}},
				time.Unix(5, 0).UTC(),
				runner.ErrorView{Code: "c"},
				json.RawMessage(`{"a":1}`),
			}).Draw(t, "any")))
		}
	default:
		t.Fatalf("%s cannot be filled", v.Type())
	}
}

// hidden are unexported fields of what goes over the bus, each with why it need not.
var hidden = map[string]string{
	"runner.PlacementView.attempt": "asked and answered before the view leaves the engine",
	"runner.StartRequest.fork":     "set by the engine that forks",
}

// TestNothingIsLeftBehind looks at every field of what calls take and answer: one that is not exported does not go over the bus,
// so somebody has to have said why it need not.
func TestNothingIsLeftBehind(t *testing.T) {
	seen := map[reflect.Type]bool{timeType: true}
	var look func(reflect.Type)
	look = func(one reflect.Type) {
		if seen[one] {
			return
		}
		seen[one] = true
		switch one.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			look(one.Elem())
		case reflect.Map:
			if one.Key().Kind() != reflect.String {
				t.Errorf("%s: keys of maps are text", one)
			}
			look(one.Elem())
		case reflect.Struct:
			for i := range one.NumField() {
				f := one.Field(i)
				if name := one.String() + "." + f.Name; !f.IsExported() && hidden[name] == "" {
					t.Errorf("%s is not exported, and is lost on its way", name)
				}
				if f.IsExported() {
					look(f.Type)
				}
			}
		case reflect.Func, reflect.Chan, reflect.UnsafePointer:
			t.Errorf("%s cannot be sent", one)
		}
	}
	for _, m := range methods {
		args, results, _ := m.signature()
		for _, one := range append(args, results...) {
			look(one)
		}
	}
	look(reflect.TypeFor[runner.Message]())
	look(reflect.TypeFor[runner.RecordPart]())
	look(reflect.TypeFor[runner.PastDecision]())
}

func TestErrorsSurvive(t *testing.T) {
	invalid := &runner.InvalidError{Code: "invalid_input", Message: "no", Places: []runner.Place{{Pointer: "/a", Message: "b"}}}
	for _, want := range []error{
		runner.ErrNotFound, runner.ErrConflict, runner.ErrIdempotency, runner.ErrOverloaded, runner.ErrUnavailable,
		runner.ErrInvalidCursor, runner.ErrGone, runner.ErrForbidden, safety.ErrFourEyes, safety.ErrNotApprover, invalid, io.EOF,
	} {
		for _, err := range []error{want, fmt.Errorf("run %q: %w", "x", want), errors.Join(errors.New("first"), want)} {
			var f failure
			if e := decode(encode(*failureOf(err)), &f); e != nil {
				t.Fatal(e)
			}
			got := f.err()
			if got.Error() != err.Error() {
				t.Errorf("%q became %q", err, got)
			}
			for _, s := range sentinels {
				if errors.Is(err, s.err) != errors.Is(got, s.err) {
					t.Errorf("%q: errors.Is(%v) is %v", err, s.err, errors.Is(got, s.err))
				}
			}
			var in *runner.InvalidError
			if errors.As(err, &in) && (!errors.As(got, &in) || !reflect.DeepEqual(in, invalid)) {
				t.Errorf("%q lost what is invalid", err)
			}
		}
	}
	if failureOf(nil).err() != nil {
		t.Error("no error became one")
	}
}
