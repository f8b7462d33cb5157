package remote

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/bus/wire/kernel"
)

func listen(t testing.TB) net.Listener {
	t.Helper()
	on, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return on
}

func TestToken(t *testing.T) {
	addr, _ := serve(t, ServerConfig{Snapshot: force(policy(t, "default: ALLOW")).Load, Token: token}, "")
	k := kernel.NewSafetyKernelClient(dial(t, addr))
	for name, headers := range map[string][]string{
		"none":         nil,
		"empty":        {"authorization", ""},
		"another":      {"authorization", "Bearer " + token[:31] + "x"},
		"a part":       {"authorization", "Bearer " + token[:31]},
		"other scheme": {"authorization", "Basic " + token},
		"no scheme":    {"authorization", token},
		"two":          {"authorization", "Bearer " + token, "authorization", "Bearer " + token},
		"other header": {"x-token", token},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), headers...)
		if _, err := k.Evaluate(ctx, &wire.PolicyCheckRequest{}); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := k.ListSnapshots(ctx, &wire.ListSnapshotsRequest{}); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: the list: %v", name, err)
		}
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	if _, err := k.Evaluate(ctx, &wire.PolicyCheckRequest{}); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"short", token + " " + token, token + "ä"} {
		if CheckToken(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// What is not on the list of methods is not there, reflection and admin services included.
func TestUnknownMethods(t *testing.T) {
	addr, _ := serve(t, ServerConfig{Snapshot: force(policy(t, "default: ALLOW")).Load}, "")
	conn := dial(t, addr)
	for _, method := range []string{
		"/cordum.agent.v1.SafetyKernel/Publish", "/cordum.agent.v1.SafetyKernel/evaluate", "/cordum.agent.v1.SafetyKernel/Evaluate/",
		"//cordum.agent.v1.SafetyKernel/Evaluate", "/cordum.agent.v1.safetykernel/Evaluate", "/grpc.health.v1.Health/List",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
		"/grpc.channelz.v1.Channelz/GetServers", "/x/y",
	} {
		err := conn.Invoke(t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// A message that says it has 1 GiB, or has more than MaxMessage, is refused at its first bytes.
func TestHugeMessage(t *testing.T) {
	addr, _ := serve(t, ServerConfig{Snapshot: force(policy(t, "default: ALLOW")).Load}, "")
	k := kernel.NewSafetyKernelClient(dial(t, addr))
	if _, err := k.Evaluate(t.Context(), &wire.PolicyCheckRequest{InputContent: make([]byte, MaxMessage)}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("over the limit: %v", err)
	}
	before := heap()
	raw := open(t, addr)
	raw.headers(1, kernel.SafetyKernel_Evaluate_FullMethodName)
	prefix := make([]byte, 5)
	binary.BigEndian.PutUint32(prefix[1:], 1<<30)
	raw.data(1, prefix, false)
	if got := raw.status(1); got != codes.ResourceExhausted {
		t.Errorf("1 GiB: %s", got)
	}
	if grown := heap() - before; grown > 32<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	largest := &wire.PolicyCheckRequest{InputContent: bytes.Repeat([]byte("1"), MaxMessage-64)}
	if _, err := k.Evaluate(t.Context(), largest); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A path that does not begin with a slash is none that anybody is admitted to.
func TestPathWithoutSlash(t *testing.T) {
	addr, _ := serve(t, ServerConfig{Snapshot: force(policy(t, "default: ALLOW")).Load, Token: token}, "")
	raw := open(t, addr)
	raw.headers(1, kernel.SafetyKernel_Evaluate_FullMethodName[1:])
	raw.data(1, make([]byte, 5), true)
	if got := raw.status(1); got == codes.OK {
		t.Error("it is answered")
	}
}

// A caller that sends its question drop by drop is cut off, however long it says it has.
func TestSlowCallerIsCutOff(t *testing.T) {
	server, err := NewServer(ServerConfig{Snapshot: force(policy(t, "default: ALLOW")).Load})
	if err != nil {
		t.Fatal(err)
	}
	server.gate.most = 200 * time.Millisecond
	addr, _ := run(t, server, "")
	raw := open(t, addr)
	raw.headers(1, kernel.SafetyKernel_Evaluate_FullMethodName)
	began := time.Now()
	raw.data(1, []byte{0, 0, 0, 0, 100, 1}, false)
	if got := raw.status(1); got != codes.DeadlineExceeded && got != codes.Canceled {
		t.Errorf("%s", got)
	}
	if took := time.Since(began); took < server.gate.most/2 || took > maxCall {
		t.Errorf("after %s, want %s", took, server.gate.most)
	}
}

// Garbage where a connection, or a question, should be harms nobody.
func TestGarbage(t *testing.T) {
	addr, _ := serve(t, ServerConfig{Snapshot: force(policy(t, "default: ALLOW")).Load}, "")
	for _, junk := range []string{"", "\x00\xff\xfe", "GET / HTTP/1.1\r\n\r\n", http2.ClientPreface + "\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(junk)) // it may be cut off in the middle
		_ = conn.Close()
	}
	conn := dial(t, addr)
	for _, junk := range [][]byte{{0xff}, {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, {0x12, 0x02, 0xc3, 0x28}} {
		err := conn.Invoke(t.Context(), kernel.SafetyKernel_Evaluate_FullMethodName, junk, &wire.PolicyCheckResponse{}, grpc.ForceCodec(rawCodec{}))
		if c := status.Code(err); c != codes.Internal && c != codes.InvalidArgument {
			t.Errorf("%x: %v", junk, err)
		}
	}
	if _, err := kernel.NewSafetyKernelClient(conn).Evaluate(t.Context(), &wire.PolicyCheckRequest{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.([]byte); ok {
		return raw, nil
	}
	return nil, errors.New("bytes only")
}

func (rawCodec) Unmarshal(data []byte, v any) error { return proto.Unmarshal(data, v.(proto.Message)) }

// Connections above the limit are closed; when some go, others may come.
func TestManyConnections(t *testing.T) {
	on := &bounded{Listener: listen(t), most: 3}
	t.Cleanup(func() { _ = on.Close() })
	taken := make(chan net.Conn, 16)
	go func() {
		for {
			conn, err := on.Accept()
			if err != nil {
				return
			}
			taken <- conn
		}
	}()
	connect := func() net.Conn {
		conn, err := net.Dial("tcp", on.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	for range 3 {
		connect()
	}
	over := connect()
	if err := over.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := over.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the fourth: %v", err)
	}
	first := <-taken
	_, _ = first.Close(), first.Close() // a second close gives no second place
	if got := on.open.Load(); got != 2 {
		t.Errorf("%d are open", got)
	}
	connect()
	eventually(t, "the place is taken again", func() bool { return on.open.Load() == 3 })
}

// rawCaller speaks HTTP/2 by hand, so that it can do what no client would.
type rawCaller struct {
	t    testing.TB
	conn net.Conn
	f    *http2.Framer
	dec  *hpack.Decoder
}

func open(t testing.TB, addr string) *rawCaller {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(3 * maxCall)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	r := &rawCaller{t: t, conn: conn, f: http2.NewFramer(conn, conn), dec: hpack.NewDecoder(4096, nil)}
	r.must(r.f.WriteSettings())
	return r
}

func (r *rawCaller) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rawCaller) headers(stream uint32, path string) {
	var b bytes.Buffer
	enc := hpack.NewEncoder(&b)
	for _, h := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", path},
		{":authority", "x"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
		{"grpc-timeout", "99999999S"},
	} {
		r.must(enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}))
	}
	r.must(r.f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: b.Bytes(), EndHeaders: true}))
}

func (r *rawCaller) data(stream uint32, data []byte, end bool) {
	r.must(r.f.WriteData(stream, end, data))
}

// status reads until a stream ends, and answers how.
func (r *rawCaller) status(stream uint32) codes.Code {
	r.t.Helper()
	for {
		frame, err := r.f.ReadFrame()
		r.must(err)
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				r.must(r.f.WriteSettingsAck())
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return codes.Canceled
			}
		case *http2.GoAwayFrame:
			return codes.Unavailable
		case *http2.HeadersFrame:
			fields, err := r.dec.DecodeFull(f.HeaderBlockFragment())
			r.must(err)
			for _, h := range fields {
				if f.StreamID == stream && h.Name == "grpc-status" {
					return codeOf(h.Value)
				}
			}
		}
	}
}

func codeOf(text string) codes.Code {
	var n uint32
	for _, d := range text {
		n = n*10 + uint32(d-'0')
	}
	return codes.Code(n)
}

// FuzzPolicyCheck: whatever bytes come as a question are answered by a decision that can be read, or an error; and whatever
// bytes come as an answer are refused, or say what the rules could have said.
func FuzzPolicyCheck(f *testing.F) {
	s := policy(f, rules)
	server, err := NewServer(ServerConfig{Snapshot: force(s).Load})
	if err != nil {
		f.Fatal(err)
	}
	a := answerer{server: server}
	for _, m := range []proto.Message{
		&wire.PolicyCheckRequest{Topic: "job.compute.small", InputContent: []byte(`{"n":5}`)},
		&wire.PolicyCheckRequest{Native: true, Tool: "ask", Labels: map[string]string{"env": "production"}},
		usable(),
	} {
		raw, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var q wire.PolicyCheckRequest
		if proto.Unmarshal(data, &q) == nil {
			out, err := a.Explain(context.Background(), &q)
			if err == nil {
				if _, err := readAnswer(out, out.GetJobHash()); err != nil && q.GetNative() {
					t.Fatalf("%v: %v", &q, err)
				}
			}
		}
		var r wire.PolicyCheckResponse
		if proto.Unmarshal(data, &r) != nil {
			return
		}
		if d, err := readAnswer(&r, "h"); err == nil {
			if r.GetJobHash() != "h" || !isDigest(d.Snapshot) || checkDecision(&d) != nil {
				t.Fatalf("%v is taken for %+v", &r, d)
			}
		}
	})
}
