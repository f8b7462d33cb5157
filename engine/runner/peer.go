package runner

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// peers is how the lanes of this process speak with those of others: letters to the owner of a partition, which may be lost
// (peer_mail.go), and a session with the place, in which nothing is (place.go). A process that is alone has none.
type peers struct {
	r    *Runner
	self string // names this process among its peers; new with each start

	pieces atomic.Uint64 // numbers the letters that went in pieces
	sorter sorter        // of those that come so
	held   heldResults

	// turning is held while this process becomes the place, stands in for it or ceases to, so that dispatch goes the same way as the
	// state here. It is taken before mu, and before what dispatch holds.
	turning sync.Mutex

	mu   sync.Mutex
	subs map[store.Partition]bus.Subscription // of the partitions that are this process's
	// seen are the epochs of all partitions, as far as members say.
	seen map[store.Partition]store.Epoch
	at   placeAt
	link *peerEnd // to the place, where it is another process
	// linked is when the session with it was begun.
	linked time.Time
	// owner is the member whose process the place is, and lives whether it was there at the last look; missed is since when
	// it does not say any more that it is the place, zero: it does.
	owner  string
	lives  bool
	missed time.Time
	// standsIn is since when this process gives its own runs' jobs to workers, since the place is gone; zero: it does not.
	standsIn time.Time
	ends     map[string]*peerEnd // of the processes that speak with this one as the place
	// openAt is when this process, which has partition 0, becomes the place; zero: it does not.
	openAt time.Time
	opened store.Epoch // of partition 0, as whose owner this process is the place; 0: it is not
	asks   map[string]chan noticeKind
	why    bus.Subscription // as the place
	stop   bool
}

// placeAt says where the place is: at the process of this name, since it has partition 0 under this epoch. No name: nobody says.
type placeAt struct {
	name  string
	epoch store.Epoch
}

func (a placeAt) String() string { return a.name + " " + strconv.FormatUint(uint64(a.epoch), 10) }

func readPlace(said string) (a placeAt, ok bool) {
	name, number, ok := strings.Cut(said, " ")
	n, err := strconv.ParseUint(number, 10, 64)
	return placeAt{name: name, epoch: store.Epoch(n)}, ok && err == nil && name != ""
}

// saysPlace is the name under which members say that they are the place.
const saysPlace = "place"

func newPeers(r *Runner) *peers {
	p := &peers{
		r: r, self: ulid.Make().String(), subs: make(map[store.Partition]bus.Subscription), seen: make(map[store.Partition]store.Epoch),
		ends: make(map[string]*peerEnd), asks: make(map[string]chan noticeKind), sorter: sorter{open: make(map[pieceOf]*assembly)},
	}
	r.keys.off = true
	r.announceAlso(saysPlace, p.saysPlace)
	r.whenTaken(p.taken)
	r.whenLost(p.lost)
	return p
}

// elsewhere tells whether another process is to be asked about a partition: this one does not have it, nor is it just taking it.
func (r *Runner) elsewhere(p store.Partition) bool { return !r.alone() && r.epoch(p) == 0 }

// Run speaks with the other processes until ctx ends.
func (p *peers) Run(ctx context.Context) error {
	sub, err := p.r.bus.Subscribe(SubjectPeers+p.self, "", p.hear)
	if err != nil {
		return fmt.Errorf("subscribe what peers say: %w", err)
	}
	defer p.hangUp(sub)
	gone, err := p.r.bus.Subscribe(p.goneSubject("*"), "", p.unheard)
	if err != nil {
		return fmt.Errorf("subscribe what peers do not hear: %w", err)
	}
	defer func() { _ = gone.Unsubscribe() }()
	tick := time.NewTicker(peerTick)
	defer tick.Stop()
	news := p.r.membersChanged()
	p.look()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-news:
			news = p.r.membersChanged()
			p.look()
		case <-tick.C:
			p.tick(time.Now())
		}
	}
}

// hangUp hears nobody any more.
func (p *peers) hangUp(own bus.Subscription) {
	_ = own.Unsubscribe()
	p.mu.Lock()
	subs := p.subs
	p.subs, p.stop = nil, true
	p.mu.Unlock()
	p.answerWhy(false)
	for _, s := range subs {
		_ = s.Unsubscribe()
	}
}

// taken hears what is sent to a partition that is this process's now. With partition 0 this process becomes the place.
func (p *peers) taken(part store.Partition) {
	s, err := p.r.bus.Subscribe(laneSubject(part), "", p.onLane)
	if err != nil {
		p.r.cfg.Logger.Error("letters to a partition are not heard: what they say is said again elsewhere or later", "partition", part, "error", err)
	}
	p.mu.Lock()
	if s != nil && !p.stop {
		p.subs[part], s = s, nil
	}
	if part == placePartition {
		p.openAt = time.Unix(0, p.r.settled.Load()) // when its fleet has heard the workers since this process began
	}
	p.mu.Unlock()
	if s != nil {
		_ = s.Unsubscribe()
	}
	p.r.laneOfPart(part).vouchFor(part)
}

// lost ends that.
func (p *peers) lost(part store.Partition) {
	p.mu.Lock()
	s := p.subs[part]
	delete(p.subs, part)
	if part == placePartition {
		p.openAt = time.Time{}
	}
	p.mu.Unlock()
	if s != nil {
		_ = s.Unsubscribe()
	}
	if part == placePartition {
		p.close()
	}
}

// look takes note of who owns what now. Limits that have another home are asked again at once by those who wait for them.
func (p *peers) look() {
	var best placeAt
	owner, lives := "", false
	moved := make(map[store.Partition]bool)
	members := p.r.members()
	p.mu.Lock()
	for i := range members {
		for part, epoch := range members[i].Owns {
			if epoch > p.seen[part] {
				p.seen[part], moved[part] = epoch, true
			}
		}
		if at, ok := readPlace(members[i].Says[saysPlace]); ok && at.epoch > best.epoch && members[i].heard.After(p.standsIn) {
			best, owner = at, members[i].name()
		}
		lives = lives || members[i].name() == p.owner && !members[i].Leaving
	}
	p.lives = lives
	p.mu.Unlock()
	p.goTo(best, owner)
	if len(moved) > 0 {
		for _, l := range p.r.lanes {
			l.inbox.push(task{do: func(t *turn) { t.lane.askLimitsAgain(moved) }})
		}
	}
}

// tick does what is due.
func (p *peers) tick(now time.Time) {
	p.mu.Lock()
	open := !p.openAt.IsZero() && p.opened == 0 && !p.r.now().Before(p.openAt)
	all := make([]*peerEnd, 0, len(p.ends)+1)
	if p.link != nil {
		all = append(all, p.link)
	}
	for name, e := range p.ends {
		if e.silent(now) {
			delete(p.ends, name) // it begins another session, if it is still there
			continue
		}
		all = append(all, e)
	}
	link, unsure := p.link, !p.standsIn.IsZero() || !p.missed.IsZero()
	p.mu.Unlock()
	if open {
		p.open()
	}
	if unsure {
		p.look() // the place may have been cut off for a moment only
	}
	for _, e := range all {
		e.tick(now)
	}
	if link != nil && link.broken(now) {
		p.relink(link)
	}
	p.r.dispatch.sweep(now)
	p.takeOrphans(now)
}

// peerEnd is one end of a session with another process.
type peerEnd struct {
	p       *peers
	to      string // the other process
	mu      sync.Mutex
	stream  *stream
	large   assembly  // of the other end's letters, the one that comes in pieces now
	said    time.Time // when something was sent last
	refused bool      // the other end does not know the session
}

func (p *peers) newEnd(to, session string) *peerEnd {
	return &peerEnd{p: p, to: to, stream: newStream(session, time.Now())}
}

// send sends letters, which come in order and once as long as the session lasts.
func (e *peerEnd) send(letters []letter) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.publish(e.stream.send(time.Now(), e.p.cutLetters(letters)))
}

// publish sends envelopes. The caller holds mu. What the bus refuses is sent again.
func (e *peerEnd) publish(list []envelope) {
	for i := range list {
		e.said = time.Now()
		list[i].from, list[i].oldest = e.p.self, e.stream.oldest()
		data := codec.Append(nil, &list[i])
		if err := e.p.r.bus.PublishRequest(SubjectPeers+e.to, e.p.goneSubject(e.stream.session), data); err != nil {
			e.p.r.cfg.Logger.Debug("a peer could not be told", "peer", e.to, "error", err)
			return
		}
	}
}

func (p *peers) publish(subject string, e *envelope) error {
	err := p.r.bus.Publish(subject, codec.Append(nil, e))
	if err != nil {
		p.r.cfg.Logger.Debug("a peer could not be told", "subject", subject, "error", err)
	}
	return err
}

// take takes an envelope of the session. The letters are to be read under the order in which take answers them: the caller is the
// only one who calls it.
func (e *peerEnd) take(env *envelope) []letter {
	e.mu.Lock()
	defer e.mu.Unlock()
	if env.reset {
		e.refused = true
		return nil
	}
	now := time.Now()
	return e.large.join(now, e.stream.take(now, env))
}

func (e *peerEnd) tick(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.stream.again(now)
	if len(list) == 0 && now.Sub(e.said) >= peerAlive {
		list = append(list, e.stream.envelope(0, nil))
	}
	e.publish(list)
}

func (e *peerEnd) silent(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return now.Sub(e.stream.heard) >= peerGone || e.stream.overfull()
}

// broken tells whether another session has to be begun.
func (e *peerEnd) broken(now time.Time) bool { return e.isRefused() || e.silent(now) }

func (e *peerEnd) isRefused() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refused
}

// hear takes what another process sends to this one: the place to its peer, or a peer to the place.
func (p *peers) hear(m bus.Msg) {
	var env envelope
	if err := codec.Decode(m.Data, &env); err != nil || env.session == "" || len(env.from) > maxPeerName || len(env.session) > maxPeerName {
		p.r.metrics.malformed.Inc()
		return
	}
	p.mu.Lock()
	link, place := p.link, p.opened != 0
	p.mu.Unlock()
	switch {
	case link != nil && link.stream.session == env.session:
		p.noticed(link, link.take(&env))
	case env.reset:
	case place:
		p.told(&env)
	default:
		p.refuse(&env)
	}
}

// refuse tells a process that its session is not known here.
func (p *peers) refuse(env *envelope) {
	_ = p.publish(SubjectPeers+env.from, &envelope{version: peerVersion, from: p.self, session: env.session, reset: true})
}

// told takes what a peer says to this process, which is the place.
func (p *peers) told(env *envelope) {
	p.mu.Lock()
	e := p.ends[env.from]
	switch {
	case e != nil && e.stream.session == env.session:
	case e != nil && e.stream.session > env.session: // of a session before
		p.mu.Unlock()
		return
	case env.oldest > 1:
		p.mu.Unlock()
		p.refuse(env)
		return
	default:
		e = p.newEnd(env.from, env.session)
		p.ends[env.from] = e
	}
	p.mu.Unlock()
	moves := make([]move, 0, 16)
	for _, m := range e.take(env) {
		var one move
		if m.kind != letterMove || codec.Decode(m.body, &one) != nil {
			p.r.metrics.malformed.Inc()
			continue
		}
		one.at.peer = e
		moves = append(moves, one)
	}
	if len(moves) > 0 {
		p.r.dispatch.tellOf(nil, e, moves)
	}
}

// noticed takes what the place says to this process. What comes of it is with the lanes before they say all that they have to another
// place, or in another session: else a run could be let in by a place that nobody asks any more.
func (p *peers) noticed(link *peerEnd, letters []letter) {
	var all []notice
	for _, m := range letters {
		var n notice
		if m.kind != letterNotice || codec.Decode(m.body, &n) != nil {
			p.r.metrics.malformed.Inc()
			continue
		}
		if n.aboutAsked() && (p.answered(&n) || n.kind == noticeReserved) {
			continue
		}
		if n.lane = p.r.laneOf(n.run); n.lane == nil || p.r.elsewhere(p.r.partOf(n.run)) {
			continue // who owns it says so to the place
		}
		all = append(all, n)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range all {
		if p.link == link {
			all[i].lane.inbox.push(*all[i].task())
		}
	}
}

// laneOfPart is the lane of a partition.
func (r *Runner) laneOfPart(p store.Partition) *lane { return r.lanes[int(p)%len(r.lanes)] }

// maxPeerName is the longest name of a process or a session between peers.
const maxPeerName = 64

// oldest is the number of the first envelope that the other end may not have.
func (s *stream) oldest() uint64 {
	if len(s.unheard) == 0 {
		return s.next + 1
	}
	return s.unheard[0].seq
}

// sortedParts are the partitions of a set, in order.
func sortedParts[T any](set map[store.Partition]T) []store.Partition {
	out := make([]store.Partition, 0, len(set))
	for p := range set {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}
