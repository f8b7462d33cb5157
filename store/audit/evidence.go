package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Evidence is what one run did, was allowed and by whom, with the proof that its records are those of the chain that a signed
// head vouches for. It can be checked without a server. It holds no inputs and no outputs of steps.
type Evidence struct {
	Version int         `json:"version"`
	Store   string      `json:"store,omitempty"`
	At      time.Time   `json:"at"`
	Run     EvidenceRun `json:"run"`
	// Definition is the canonical JSON of the definition, as a string so that its bytes stay what they are.
	Definition string           `json:"definition" doc:"Canonical JSON, as text: its SHA-256 is the run's digest"`
	Decisions  []EvidenceFact   `json:"decisions"`
	Approvals  []EvidenceFact   `json:"approvals"`
	Overrides  []EvidenceFact   `json:"overrides" doc:"What people did to the run's course"`
	Results    []EvidenceFact   `json:"results"`
	Effects    []EvidenceEffect `json:"effects"`
	Proof      Proof            `json:"proof"`
	Head       Head             `json:"head"`
	PublicKey  string           `json:"public_key,omitempty" doc:"PEM; compare its fingerprint with one from elsewhere"`
	Signature  []byte           `json:"signature,omitempty" doc:"Ed25519 over all of the above, in base64"`
}

// EvidenceRun says which run it is about.
type EvidenceRun struct {
	ID           string     `json:"id"`
	Tenant       string     `json:"tenant"`
	Workflow     string     `json:"workflow"`
	Digest       string     `json:"digest" doc:"SHA-256 of the definition"`
	State        string     `json:"state"`
	Compensation string     `json:"compensation"`
	Seq          uint64     `json:"seq" doc:"Number of the run's newest fact"`
	StartedBy    string     `json:"started_by"`
	StartedAt    time.Time  `json:"started_at"`
	EndedAt      *time.Time `json:"ended_at,omitempty"`
}

// EvidenceFact is one fact that has a record.
type EvidenceFact struct {
	Seq   uint64          `json:"seq"`
	Event json.RawMessage `json:"event" doc:"As the timeline has it, without outputs"`
	// Encoded are the bytes whose SHA-256 the record carries, where nobody's payload is in them.
	Encoded []byte `json:"encoded,omitempty" doc:"The fact's bytes, where no payload is in them: their SHA-256 is the record's fact_hash"`
}

// EvidenceEffect is what a step did to the world, as far as it is known.
type EvidenceEffect struct {
	Step     string `json:"step"`
	JobID    string `json:"job_id,omitempty"`
	Effect   string `json:"effect" doc:"As the definition says: read, write, irreversible, …"`
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	Outcome  string `json:"outcome" enum:"had,none,unknown"`
	Key      string `json:"idempotency_key,omitempty" doc:"What its worker was given to do it once by"`
	Worker   string `json:"worker,omitempty" doc:"Who had its last attempt"`
	Undoes   string `json:"undoes,omitempty"`
}

const (
	evidenceVersion = 1
	evidenceTag     = "cordum.audit.evidence.signature.v1"
)

// digest is what is signed: the JSON without spaces and without the signature.
func (e Evidence) digest() (Hash, error) {
	e.Signature = nil
	raw, err := json.Marshal(e)
	if err != nil {
		return Hash{}, fmt.Errorf("encode evidence: %w", err)
	}
	return sha256.Sum256(raw), nil
}

// Sign completes evidence.
func (e *Evidence) Sign(by Signer) error {
	e.Version = evidenceVersion
	if !by.Signs() {
		return nil
	}
	text, err := PublicPEM(by.Public())
	if err != nil {
		return err
	}
	e.PublicKey = string(text)
	d, err := e.digest()
	e.Signature = by.sign(evidenceTag, d)
	return err
}

// ReadEvidence reads evidence as JSON. It checks nothing: see [Evidence.Verify].
func ReadEvidence(r io.Reader) (Evidence, error) {
	var e Evidence
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return e, fmt.Errorf("read evidence: %w", errors.Join(ErrCorrupt, err))
	}
	if e.Version != evidenceVersion {
		return e, fmt.Errorf("%w: evidence of version %d; this binary reads version %d", ErrCorrupt, e.Version, evidenceVersion)
	}
	return e, nil
}

// EvidenceReport is what a check of evidence found.
type EvidenceReport struct {
	OK       bool     `json:"ok"`
	Run      string   `json:"run"`
	Records  int      `json:"records" doc:"How many records of the run the proof has"`
	Facts    int      `json:"facts" doc:"How many facts were compared with their records"`
	Key      string   `json:"key,omitempty" doc:"Fingerprint of the key that signed"`
	Findings []string `json:"findings"`
	Doubts   []string `json:"doubts"`
}

func (r *EvidenceReport) find(format string, args ...any) {
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// Verify checks evidence against a key and heads from elsewhere, both of which may be missing: then it says what it cannot
// tell. encoded, when set, says what is wrong between a fact's bytes and what is shown of it.
func (e *Evidence) Verify(with Against, encoded func(EvidenceFact) error) EvidenceReport {
	r := EvidenceReport{Run: e.Run.ID, Findings: []string{}, Doubts: []string{}}
	if sum := sha256.Sum256([]byte(e.Definition)); hex.EncodeToString(sum[:]) != e.Run.Digest {
		r.find("the definition is not the one of the digest %s", e.Run.Digest)
	}
	e.verifySignatures(&r, with.Key)
	e.verifyFacts(&r, e.verifyProof(&r, with.Heads), encoded)
	r.OK = len(r.Findings) == 0
	return r
}

// verifySignatures checks who signed. Without a key from elsewhere the one in the file must do.
func (e *Evidence) verifySignatures(r *EvidenceReport, key ed25519.PublicKey) {
	if key == nil && e.PublicKey == "" {
		r.Doubts = append(r.Doubts, "nobody signed it, and no public key was given: anybody could have written it")
		return
	}
	if key == nil {
		own, err := ParsePublicKey(e.PublicKey)
		if err != nil {
			r.find("%v", err)
			return
		}
		key = own
		r.Doubts = append(r.Doubts, "no public key was given: whether the key "+Fingerprint(key)+" in the file is the server's cannot be told")
	}
	r.Key = Fingerprint(key)
	d, err := e.digest()
	if err == nil {
		err = verifies(key, evidenceTag, d, e.Signature)
	}
	if err != nil {
		r.find("the evidence: %v", err)
	}
	if err := e.Head.Check(key); err != nil {
		r.find("its head: %v", err)
	}
	if e.Head.Store != e.Store {
		r.find("its head was taken of another store")
	}
}

// verifyProof follows the run's records to the head.
func (e *Evidence) verifyProof(r *EvidenceReport, heads []Head) []Record {
	place := e.Head.Of(e.Proof.Chain)
	if place == nil || e.Proof.Tenant != e.Run.Tenant {
		r.find("its head does not show the run's chain")
		return nil
	}
	want := map[uint64]Hash{place.Seq: place.Hash}
	for i := range heads {
		if c := heads[i].Of(e.Proof.Chain); c != nil && c.Seq >= e.Proof.First && c.Seq <= place.Seq {
			if h, known := want[c.Seq]; known && h != c.Hash {
				r.find("head %d has another hash of record %d", heads[i].Number, c.Seq)
			}
			want[c.Seq] = c.Hash
		}
	}
	records, end, err := e.Proof.Follow(e.Run.ID, func(seq uint64, h Hash) {
		if at, marked := want[seq]; marked && at != h {
			r.find("the proof does not lead to the head: record %d has another hash there", seq)
		}
	})
	switch {
	case err != nil:
		r.find("%v", err)
	case end != place.Seq:
		r.find("the proof ends at record %d, its head is at %d", end, place.Seq)
	}
	r.Records = len(records)
	return records
}

// verifyFacts compares the facts that are shown with their records: each has one, and each record that should has a fact.
func (e *Evidence) verifyFacts(r *EvidenceReport, records []Record, encoded func(EvidenceFact) error) {
	hashes := make(map[uint64]Hash, len(records))
	missing := map[uint64]Act{}
	for i := range records {
		rec := &records[i]
		hashes[rec.FactSeq] = rec.FactHash
		if rec.FactSeq > 0 {
			missing[rec.FactSeq] = rec.Act
		}
	}
	for _, facts := range [][]EvidenceFact{e.Decisions, e.Approvals, e.Overrides, e.Results} {
		for _, f := range facts {
			hash, known := hashes[f.Seq]
			delete(missing, f.Seq)
			switch {
			case !known:
				r.find("fact %d has no record", f.Seq)
				continue
			case f.Encoded != nil && sha256.Sum256(f.Encoded) != hash:
				r.find("fact %d is not the one of its record", f.Seq)
			case f.Encoded != nil && encoded != nil:
				if err := encoded(f); err != nil {
					r.find("fact %d: %v", f.Seq, err)
				}
			}
			r.Facts++
		}
	}
	for seq, act := range missing {
		if act != Release && act != RunStart {
			r.find("fact %d (%s) is not shown", seq, act)
		}
	}
}
