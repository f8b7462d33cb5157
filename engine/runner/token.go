package runner

import (
	"bytes"
	"encoding/binary"

	"cordum.dev/cordum/internal/id"
)

// This file is the token of an attempt: a secret that its worker is given with it and shows with all that it says. A worker need not
// read it; the engine reads in it where the attempt belongs, before it has the run:
//
//	16 random bytes, tenant, NUL, uvarint generation of the store, uvarint send
//
// Tokens of before ended behind the tenant, or behind a generation that was not the first. That a token is not made up is known only
// where the whole of it is compared with the one that was given.

// tokenRandom is how many random bytes a token begins with.
const tokenRandom = 16

// nextToken makes the token of the next send of a node's job.
func (t *turn) nextToken(step int32) []byte {
	return t.lane.r.token(t.live.run.Tenant, uint64(t.live.jobs[step].Send)+1)
}

func (r *Runner) token(tenant string, send uint64) []byte {
	b := make([]byte, tokenRandom, tokenRandom+len(tenant)+1+2*binary.MaxVarintLen32)
	r.entropy.Lock()
	_, _ = r.entropy.tokens.Read(b)
	r.entropy.Unlock()
	b = append(append(b, tenant...), 0) // no tenant has a NUL byte
	return binary.AppendUvarint(binary.AppendUvarint(b, r.identity.Generation), send)
}

// tenantOf is the tenant whose attempt a token is of; "" when that cannot be read.
func tenantOf(token []byte) string {
	if len(token) <= tokenRandom {
		return ""
	}
	tenant, _, _ := bytes.Cut(token[tokenRandom:], []byte{0})
	return string(tenant)
}

// generationOf is the store's generation in which a token was made; 0 when that cannot be read.
func generationOf(token []byte) uint64 {
	generation, _ := stampsOf(token)
	return generation
}

// givenWith tells whether a token was given with the attempt that is named. One that does not say so is believed: there is none, or
// it is of before.
func givenWith(token []byte, attempt string) bool {
	_, send := stampsOf(token)
	if send == 0 {
		return true
	}
	ref, err := id.ParseJob(attempt)
	return err == nil && send == uint64(ref.Attempt)
}

// stampsOf reads what stands behind the tenant.
func stampsOf(token []byte) (generation, send uint64) {
	if len(token) < tokenRandom {
		return 0, 0
	}
	_, stamps, has := bytes.Cut(token[tokenRandom:], []byte{0})
	if !has {
		return 1, 0
	}
	generation, n := binary.Uvarint(stamps)
	if n <= 0 {
		return 0, 0
	}
	if send, n = binary.Uvarint(stamps[n:]); n <= 0 {
		send = 0
	}
	return generation, send
}
