package floor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// stepsPerRun is the length of the chains that throughput is measured with.
const stepsPerRun = 3

// engine is the engine's side: a server, a store and lanes.
type engine struct {
	server  *server.Server
	conn    *nats.Conn
	db      *pebble.DB
	packets packets
	lanes   []*lane
	stop    chan struct{}
	running sync.WaitGroup
}

// lane owns every n-th chain.
type lane struct {
	engine  *engine
	inbox   chan result
	chains  map[int]*chain
	batch   []result
	request []byte // its own copy: it is stamped before each send
	header  []byte
	entry   []byte
	key     []byte
}

// result is a worker's answer and where its acknowledgement goes.
type result struct {
	chain int
	reply string
}

// chain is a run in flight.
type chain struct {
	run, step uint64
	sent      time.Time
	spent     []time.Duration // of each step, from its send to the next
}

// inboxSize bounds what waits for a lane; more than the most chains in flight.
const inboxSize = 4096

// newEngine starts the server, opens a store in dir and starts lanes.
func newEngine(dir string, lanes int) (_ *engine, err error) {
	e := &engine{stop: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	if e.packets, err = newPackets(); err != nil {
		return nil, err
	}
	if err := e.listen(); err != nil {
		return nil, err
	}
	if e.db, err = pebble.Open(dir, &pebble.Options{MemTableSize: 16 << 20, Logger: quiet{}}); err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	for range lanes {
		l := &lane{
			engine: e, inbox: make(chan result, inboxSize), chains: map[int]*chain{},
			request: bytes.Clone(e.packets.request), header: make([]byte, headerBytes), entry: make([]byte, entryBytes), key: make([]byte, 24),
		}
		e.lanes = append(e.lanes, l)
		e.running.Go(l.run)
	}
	_, err = e.conn.Subscribe(resultSubject, func(m *nats.Msg) {
		n := chainOf(m.Data)
		e.lanes[n%len(e.lanes)].inbox <- result{n, m.Reply}
	})
	if err != nil {
		return nil, err
	}
	return e, e.conn.Flush()
}

// listen starts the NATS server on a free loopback port and connects to it without the network.
func (e *engine) listen() (err error) {
	e.server, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true})
	if err != nil {
		return fmt.Errorf("make the NATS server: %w", err)
	}
	e.server.Start()
	if !e.server.ReadyForConnections(10 * time.Second) {
		return errors.New("the NATS server did not start within 10 s")
	}
	e.conn, err = nats.Connect("", nats.InProcessServer(e.server))
	return err
}

// begin starts chains 0 … n-1. The worker must be listening.
func (e *engine) begin(n int) {
	for i := range n {
		e.lanes[i%len(e.lanes)].inbox <- result{chain: i}
	}
}

// close stops everything; the lanes have ended when it returns.
func (e *engine) close() error {
	close(e.stop)
	if e.conn != nil {
		e.conn.Close()
	}
	e.running.Wait()
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	if e.db != nil {
		return e.db.Close()
	}
	return nil
}

// run drains the inbox, commits what was found with one sync, and acts.
func (l *lane) run() {
	for l.drain() {
		if err := l.commit(); err != nil {
			panic(fmt.Errorf("floor: commit: %w", err)) // a floor on a broken disk measures nothing
		}
		l.act()
	}
}

// drain waits for one result and takes all others that are there.
func (l *lane) drain() bool {
	l.batch = l.batch[:0]
	select {
	case r := <-l.inbox:
		l.batch = append(l.batch, r)
	case <-l.engine.stop:
		return false
	}
	for {
		select {
		case r := <-l.inbox:
			l.batch = append(l.batch, r)
		default:
			return true
		}
	}
}

// commit writes a header row and a log entry for each result.
func (l *lane) commit() error {
	batch := l.engine.db.NewBatch()
	for _, r := range l.batch {
		c := l.chains[r.chain]
		if c == nil {
			c = &chain{sent: time.Now()}
			l.chains[r.chain] = c
		}
		l.name('h', r.chain, c.run, 0)
		if err := batch.Set(l.key, l.header, nil); err != nil {
			return err
		}
		l.name('l', r.chain, c.run, c.step)
		if err := batch.Set(l.key, l.entry, nil); err != nil {
			return err
		}
	}
	return batch.Commit(pebble.Sync)
}

// name makes the key of a record.
func (l *lane) name(class byte, chain int, run, step uint64) {
	l.key[0] = class
	binary.BigEndian.PutUint32(l.key[1:], uint32(chain))
	binary.BigEndian.PutUint64(l.key[5:], run)
	binary.BigEndian.PutUint64(l.key[13:], step)
}

// act acknowledges each result and sends its chain's next step.
func (l *lane) act() {
	now := time.Now()
	for _, r := range l.batch {
		c := l.chains[r.chain]
		if r.reply != "" {
			_ = l.engine.conn.Publish(r.reply, l.engine.packets.ack)
			c.spent = append(c.spent, now.Sub(c.sent))
		}
		c.step++
		if c.step%stepsPerRun == 0 {
			c.run++
		}
		c.sent = now
		stamp(l.request, r.chain)
		_ = l.engine.conn.Publish(requestSubject, l.request)
	}
}

// quiet keeps the store's own notes out of the table; what is fatal still ends the process.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("floor: the store: "+format, args...))
}
