package runner

import (
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// This file is all that engine processes say to each other about runs, as bytes. Nothing of it is stored: fields may be appended,
// what an older process does not know it leaves out, and a letter of a kind that it does not know it drops.

// Subjects between engine processes. Workers may neither publish nor listen there.
const (
	// SubjectLanes begins the subject of each partition's owner: cordum.lane.07.
	SubjectLanes = "cordum.lane."
	// SubjectPeers begins the subjects of one process each, on which it has what its peers send to it alone.
	SubjectPeers = "cordum.peer."
)

// peerVersion is of the envelope. Who reads another one drops it.
const peerVersion = 1

// letterKind says what a letter is about. The numbers are sent.
type letterKind uint8

const (
	letterLimit  letterKind = 1 // to a limit's home
	letterAnswer letterKind = 2 // a limit's word to a job that asked
	letterDoubt  letterKind = 3 // a limit asks whether a job still holds it
	letterResult letterKind = 4 // a result of a plain worker, which another process took
	letterMove   letterKind = 5 // to the place: about an attempt, or a run's key
	letterNotice letterKind = 6 // of the place: about an attempt, or a run's key
	letterPiece  letterKind = 7 // a part of one that is too large for a message
)

// letter is one message, encoded.
type letter struct {
	kind letterKind
	body []byte
}

func (m *letter) fields(c *codec.Codec) {
	codec.Enum(c, &m.kind)
	c.Bytes(&m.body)
}

func write(kind letterKind, body codec.Fielder) letter {
	return letter{kind: kind, body: codec.Append(nil, body)}
}

// envelope is what is published: letters, and, of a stream, their place in it.
type envelope struct {
	version uint64
	from    string // the process
	session string // of a stream; "": letters that may be lost
	seq     uint64 // of a stream; 0: it only acknowledges
	ack     uint64 // the last of the other direction that came, with all before it
	oldest  uint64 // of a stream: the first number that the other end may not have
	reset   bool   // the session is not known here: begin another
	letters []letter
}

// Fields implements codec.Fielder.
func (e *envelope) Fields(c *codec.Codec) {
	c.Uint(&e.version)
	if c.Reading() && e.version != peerVersion {
		c.Fail()
		return
	}
	c.String(&e.from)
	c.String(&e.session)
	c.Uint(&e.seq)
	c.Uint(&e.ack)
	c.Uint(&e.oldest)
	c.Bool(&e.reset)
	codec.List(c, &e.letters, func(c *codec.Codec, m *letter) { m.fields(c) })
}

// limitLetter is what is said between a limit and a job.
type limitLetter struct {
	name   limitName
	input  scheduler.LimitInput // to the limit
	answer scheduler.LimitAnswer
}

// The numbers of a limit's inputs.
const (
	limitInputAsk     = 1
	limitInputRelease = 2
	limitInputHeard   = 3
)

// Fields implements codec.Fielder.
func (m *limitLetter) Fields(c *codec.Codec) {
	m.name.fields(c)
	var which uint64
	ask, release, heard := scheduler.LimitAsk{}, scheduler.LimitRelease{}, scheduler.LimitHeard{}
	switch in := m.input.(type) {
	case scheduler.LimitAsk:
		which, ask = limitInputAsk, in
	case scheduler.LimitRelease:
		which, release = limitInputRelease, in
	case scheduler.LimitHeard:
		which, heard = limitInputHeard, in
	}
	switch c.Uint(&which); which {
	case limitInputAsk:
		askFields(c, &ask)
		m.input = ask
	case limitInputRelease:
		releaseFields(c, &release)
		m.input = release
	case limitInputHeard:
		c.String(&heard.Job)
		turnFields(c, &heard.Turn)
		m.input = heard
	default:
		answerFields(c, &m.answer)
	}
}

func (n *limitName) fields(c *codec.Codec) {
	c.String(&n.tenant)
	c.String(&n.id)
	c.String(&n.label)
	codec.Enum(c, &n.kind)
	termsFields(c, &n.terms)
	partFields(c, &n.part)
}

func partFields(c *codec.Codec, p *store.Partition) {
	u := uint64(*p)
	c.Uint(&u)
	if c.Reading() {
		*p = store.Partition(u)
	}
}

func epochFields(c *codec.Codec, e *store.Epoch) {
	u := uint64(*e)
	c.Uint(&u)
	if c.Reading() {
		*e = store.Epoch(u)
	}
}

func turnFields(c *codec.Codec, t *scheduler.Turn) {
	c.Uint(&t.Epoch)
	c.Uint(&t.N)
}

func termsFields(c *codec.Codec, t *scheduler.LimitTerms) {
	c.Int(&t.Max)
	c.Duration(&t.Per)
	c.Bool(&t.Shared)
}

func askFields(c *codec.Codec, a *scheduler.LimitAsk) {
	c.String(&a.Job)
	turnFields(c, &a.Turn)
	c.Int32(&a.Attempt)
	termsFields(c, &a.Terms)
	c.Int(&a.Amount)
	c.String(&a.Tenant)
	c.Duration(&a.TTL)
	c.String(&a.By)
	codec.Enum(c, &a.Priority)
	c.Time(&a.Since)
}

func releaseFields(c *codec.Codec, r *scheduler.LimitRelease) {
	c.String(&r.Job)
	turnFields(c, &r.Turn)
	c.Int32(&r.Attempt)
	c.Bool(&r.Used)
	c.Int(&r.Cost)
}

func answerFields(c *codec.Codec, a *scheduler.LimitAnswer) {
	c.String(&a.Job)
	c.String(&a.Tenant)
	turnFields(c, &a.Turn)
	c.String(&a.Refused)
	c.Int(&a.Token)
	c.Bool(&a.Waits)
	stringFields(c, &a.Held)
}

func stringFields(c *codec.Codec, list *[]string) {
	codec.List(c, list, func(c *codec.Codec, s *string) { c.String(s) })
}

// resultLetter is a result of a plain worker as it came, with the subject on which a stream hears that it is settled.
type resultLetter struct {
	settle string // "": no stream keeps it
	data   []byte
}

// Fields implements codec.Fielder.
func (m *resultLetter) Fields(c *codec.Codec) {
	c.String(&m.settle)
	c.Bytes(&m.data)
}

// Fields implements codec.Fielder. A move that crosses processes names its job's place by what place has but the lane.
func (m *move) Fields(c *codec.Codec) {
	codec.Enum(c, &m.kind)
	c.String(&m.attempt)
	partFields(c, &m.part)
	epochFields(c, &m.at.epoch)
	switch m.kind {
	case moveReturned:
		c.String(&m.worker)
		c.String(&m.reason)
	case moveAnnounce, moveAdopt:
		c.String(&m.worker)
		c.String(&m.at.run)
		c.Int32(&m.at.step)
		withheld := uint64(m.at.withheld)
		c.Uint(&withheld)
		m.at.withheld = uint32(withheld)
		c.Bool(&m.at.watched)
		requestFields(c, &m.request)
		m.request.Attempt = m.attempt
	case moveSent:
		c.Uint(&m.grant)
		c.Duration(&m.ago)
	case moveKey, moveKeyAsk, moveKeyLeft:
		c.String(&m.at.run)
		if m.key == nil {
			m.key = &keyWish{}
		}
		m.key.fields(c)
	}
}

func (k *keyWish) fields(c *codec.Codec) {
	c.String(&k.name)
	c.String(&k.tenant)
	limit := int64(k.limit)
	c.Int(&limit)
	k.limit = int(limit)
	codec.Enum(c, &k.busy)
	c.Bool(&k.waits)
}

func requestFields(c *codec.Codec, r *scheduler.Request) {
	c.Bytes(&r.Token)
	c.String(&r.Tenant)
	c.String(&r.Topic)
	stringFields(c, &r.Requires)
	c.Strings(&r.Placement)
	c.String(&r.PreferredWorker)
	c.String(&r.PreferredPool)
	codec.Enum(c, &r.Priority)
	c.String(&r.Fairness)
	c.Time(&r.ReleasedAt)
}

// Fields implements codec.Fielder.
func (n *notice) Fields(c *codec.Codec) {
	codec.Enum(c, &n.kind)
	c.String(&n.attempt)
	c.String(&n.run)
	c.Int32(&n.step)
	withheld := uint64(n.withheld)
	c.Uint(&withheld)
	n.withheld = uint32(withheld)
	switch n.kind {
	case noticeGranted, noticeAdopted:
		grantFields(c, &n.grant)
		n.grant.Attempt = n.attempt
	case noticeLost:
		c.String(&n.lost.Worker)
		c.String(&n.lost.Reason)
		n.lost.Attempt = n.attempt
	case noticeSaid:
		if n.said == nil {
			n.said = &memo{}
		}
		c.String(&n.said.worker)
		c.Int32(&n.said.percent)
		c.String(&n.said.memo)
	case noticeUnlisted:
		c.Uint(&n.unseen)
	case noticeAdmitted, noticeCrowded, noticeRefused, noticeReserved:
		c.String(&n.tenant)
	}
}

func grantFields(c *codec.Codec, g *scheduler.Grant) {
	c.String(&g.Worker)
	c.String(&g.Topic)
	c.Bool(&g.Direct)
	c.Bool(&g.ByTopic)
	c.Bool(&g.Native)
	c.String(&g.Why)
	c.Bool(&g.Asked)
}
