package audit

import "cordum.dev/cordum/store"

// Page is the records that one commit adds to one chain. Its owner adds them in the order of the acts and puts what
// [Page.Puts] answers into the transaction of the acts. A page is good for one transaction.
type Page struct {
	chain   Chain
	records []Record
	before  State
	after   State
	buf     []byte // scratch
}

// NewPage begins a page behind where a chain stands.
func NewPage(c Chain, s State) *Page {
	p := new(Page)
	p.Reset(c, s)
	return p
}

// Reset begins another page in the room of one whose transaction is over.
func (p *Page) Reset(c Chain, s State) {
	clear(p.records)
	p.chain, p.records, p.before, p.after = c, p.records[:0], s, s
}

// Chain is whose page it is.
func (p *Page) Chain() Chain { return p.chain }

// Add gives a record its place and its hash.
func (p *Page) Add(given Record) {
	p.records = append(p.records, given)
	r := &p.records[len(p.records)-1]
	r.clean()
	r.Chain, r.Seq, r.Prev = p.chain, p.after.Seq+1, p.after.Hash
	var digest Hash
	digest, p.buf = r.digest(p.buf)
	r.Hash = Link(r.Prev, digest)
	p.after.Seq, p.after.Hash = r.Seq, r.Hash
}

// Empty tells whether nothing was added.
func (p *Page) Empty() bool { return len(p.records) == 0 }

// Puts adds the rows of the page to puts; none when it is empty.
func (p *Page) Puts(puts []store.Put) []store.Put {
	for left := p.records; len(left) > 0; {
		n := min(len(left), maxRowRecords)
		row := Row{Chain: p.chain, First: left[0].Seq, Prev: left[0].Prev, Records: left[:n], Last: left[n-1].Hash.sum()}
		puts = append(puts, store.Put{Key: RowKey(p.chain.Tenant, row.First), Value: row.append(make([]byte, 0, row.weight()))})
		left = left[n:]
	}
	if !p.before.Known && !p.Empty() {
		puts = append(puts, store.Put{Key: CutKey(p.chain.Tenant), Value: p.before.Cut.Encode()})
	}
	return puts
}

// Check is what must hold for the page to follow what is stored: nobody has added the record that comes first.
func (p *Page) Check() store.Check {
	return store.Check{Key: RowKey(p.chain.Tenant, p.before.Seq+1), Absent: true}
}

// State is where the chain stands when the page is stored.
func (p *Page) State() State {
	after := p.after
	after.Known = true
	return after
}
