package remote

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"cordum.dev/cordum/bus/wire/kernel"
)

// access is who may call a method.
type access uint8

const (
	nobody   access = iota // also every method that is not listed
	everyone               // who can connect
	holders                // of the token
)

// methods says who may call what: the one list of what this server answers, by exact path.
var methods = map[string]access{
	kernel.SafetyKernel_Check_FullMethodName:         holders,
	kernel.SafetyKernel_Evaluate_FullMethodName:      holders,
	kernel.SafetyKernel_Explain_FullMethodName:       holders,
	kernel.SafetyKernel_Simulate_FullMethodName:      holders,
	kernel.SafetyKernel_ListSnapshots_FullMethodName: holders,
	healthpb.Health_Check_FullMethodName:             everyone,
	healthpb.Health_Watch_FullMethodName:             everyone,
}

// The header in which a client shows its token, and how its value begins (RFC 6750).
const (
	tokenHeader = "authorization"
	tokenPrefix = "Bearer "
)

// gate admits calls.
type gate struct {
	token *[sha256.Size]byte // nil: none is asked for
	most  time.Duration      // that a call may take, from its first byte
}

func newGate(token string) gate {
	g := gate{most: maxCall}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		g.token = &sum
	}
	return g
}

// admit decides when a call has sent its headers and nothing else yet, so what is refused is never read. It bounds how
// long the rest may take, except for those who watch the health.
func (g gate) admit(ctx context.Context, call *tap.Info) (context.Context, error) {
	switch methods[call.FullMethodName] {
	case everyone:
	case holders:
		if !g.holds(call.Header) {
			return ctx, status.Error(codes.Unauthenticated, "the safety kernel asks for a token: SAFETY_KERNEL_TOKEN")
		}
	default:
		return ctx, status.Error(codes.Unimplemented, "there is no such method")
	}
	if call.FullMethodName == healthpb.Health_Watch_FullMethodName {
		return ctx, nil
	}
	ctx, cancel := context.WithTimeout(ctx, g.most)
	context.AfterFunc(ctx, cancel) // the call's own end cancels its context, and so this one
	return ctx, nil
}

// holds tells whether headers show the token. The time it takes says nothing about it.
func (g gate) holds(header metadata.MD) bool {
	if g.token == nil {
		return true
	}
	values := header.Get(tokenHeader)
	if len(values) != 1 || len(values[0]) > MaxToken+len(tokenPrefix) {
		return false
	}
	shown, ok := strings.CutPrefix(values[0], tokenPrefix)
	sum := sha256.Sum256([]byte(shown))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1 && ok
}
