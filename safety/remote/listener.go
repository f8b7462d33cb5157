package remote

import (
	"net"
	"sync"
	"sync/atomic"
)

// bounded closes connections above a number as they come, so that whoever opens many gets nothing by it.
type bounded struct {
	net.Listener
	most int64
	open atomic.Int64
}

// Accept answers the next connection that there is room for.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b.open.Add(1) <= b.most {
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { b.open.Add(-1) })}, nil
		}
		b.open.Add(-1)
		_ = conn.Close() // nobody has it
	}
}

// counted tells its listener when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close closes the connection and gives its place back, once.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
