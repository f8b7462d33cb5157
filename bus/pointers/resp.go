package pointers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// This file is the protocol of Redis, RESP 2 and 3, as far as it is spoken here.

// errProtocol says that what came is no command; the connection is not worth keeping.
var errProtocol = errors.New("protocol error")

// session is one connection.
type session struct {
	listener *Listener
	conn     net.Conn
	in       *bufio.Reader
	out      *bufio.Writer

	known   bool // the password was shown, or none is needed
	spoke   bool // and a command was said after that
	guesses int
	resp3   bool
	quit    bool

	until  time.Time    // when it must have shown the password and said a command
	silent atomic.Int64 // since when it waits for a command, as Unix nanoseconds; 0: it does not

	admitted int // bytes of a large command that is on its way in
	pieces   int // that it has for them
}

// run answers commands until the worker leaves or says something that is none.
func (s *session) run() error {
	for !s.quit {
		words, err := s.await()
		if err != nil {
			if errors.Is(err, errProtocol) {
				s.fail("ERR Protocol error")
				_ = s.out.Flush()
			}
			return err
		}
		if len(words) > 0 {
			s.answer(words)
			s.spoke = s.known
		}
		s.listener.uploads.leave(s)
		if s.in.Buffered() == 0 || s.quit {
			if err := s.out.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// await reads the next command. A worker that has said one may be silent for as long as it likes: until then, and within a
// command, it may not.
func (s *session) await() ([][]byte, error) {
	var until time.Time
	if !s.spoke {
		until = s.until
	}
	_ = s.conn.SetDeadline(until)
	if s.in.Buffered() == 0 {
		s.silent.Store(time.Now().UnixNano())
		_, err := s.in.Peek(1)
		s.silent.Store(0)
		if err != nil {
			return nil, err
		}
	}
	if s.spoke {
		until = time.Now().Add(commandTime)
	}
	_ = s.conn.SetDeadline(until)
	return s.command(until)
}

// command reads the words of one command; none for an empty line.
func (s *session) command(until time.Time) ([][]byte, error) {
	line, err := s.line()
	if err != nil {
		return nil, err
	}
	if len(line) == 0 {
		return nil, nil
	}
	if line[0] != '*' {
		return s.inline(line)
	}
	n, err := number(line[1:], maxArgs)
	if err != nil {
		return nil, err
	}
	words, weight := make([][]byte, 0, n), 0
	for range n {
		word, err := s.word(weight, until)
		if err != nil {
			return nil, err
		}
		weight += len(word)
		words = append(words, word)
	}
	return words, nil
}

// inline reads a command that somebody typed. A page in a browser can be made to say anything to an address of this machine,
// headed by its own words: whoever speaks HTTP is cut off before the rest is read.
func (s *session) inline(line []byte) ([][]byte, error) {
	words := bytes.Fields(bytes.Clone(line))
	if len(words) == 0 {
		return nil, nil
	}
	if isHTTP(words) {
		return nil, fmt.Errorf("%w: that is HTTP", errProtocol)
	}
	if len(words) > maxArgs {
		return nil, fmt.Errorf("%w: too many words", errProtocol)
	}
	return words, nil
}

// isHTTP tells whether a line is how a question or a header of a browser begins.
func isHTTP(words [][]byte) bool {
	switch first := string(bytes.ToUpper(words[0])); {
	case strings.HasPrefix(first, "HOST:"), bytes.HasPrefix(words[len(words)-1], []byte("HTTP/")):
		return true
	case first == "GET":
		return len(words) != 2 // GET KEY is a command
	default:
		return slices.Contains([]string{"POST", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE", "CONNECT", "TRACE"}, first)
	}
}

// word reads a bulk string of a command that weighs so much up to there. A command that is large waits for its turn, once.
func (s *session) word(weight int, until time.Time) ([]byte, error) {
	line, err := s.line()
	if err != nil {
		return nil, err
	}
	if len(line) == 0 || line[0] != '$' {
		return nil, fmt.Errorf("%w: expected '$'", errProtocol)
	}
	most := maxCommand - weight
	if !s.known {
		most = min(most, maxSmall)
	}
	n, err := number(line[1:], most)
	if err != nil {
		return nil, err
	}
	if weight+n-s.admitted > uploadPiece && !s.listener.uploads.admit(s, weight+n, until) {
		return nil, fmt.Errorf("%w: too much comes in at a time", errProtocol)
	}
	word := make([]byte, n)
	if _, err := io.ReadFull(s.in, word); err != nil {
		return nil, err
	}
	if end, err := s.line(); err != nil || len(end) > 0 {
		return nil, errors.Join(errProtocol, err)
	}
	return word, nil
}

// line reads up to the next end of line, which it leaves out. The answer is valid until the next read.
func (s *session) line() ([]byte, error) {
	line, err := s.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: a line of more than %d bytes", errProtocol, maxLine)
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

func number(digits []byte, most int) (int, error) {
	n, err := strconv.ParseUint(string(digits), 10, 31)
	if err != nil || int(n) > most {
		return 0, fmt.Errorf("%w: %.32q is no number up to %d", errProtocol, digits, most)
	}
	return int(n), nil
}

func (s *session) ok()                { _, _ = s.out.WriteString("+OK\r\n") }
func (s *session) simple(text string) { _, _ = s.out.WriteString("+" + text + "\r\n") }
func (s *session) fail(text string)   { _, _ = s.out.WriteString("-" + text + "\r\n") }
func (s *session) integer(n int64)    { _, _ = fmt.Fprintf(s.out, ":%d\r\n", n) }

func (s *session) bulk(data []byte) {
	_, _ = fmt.Fprintf(s.out, "$%d\r\n", len(data))
	_, _ = s.out.Write(data)
	_, _ = s.out.WriteString("\r\n")
}

func (s *session) null() {
	if s.resp3 {
		_, _ = s.out.WriteString("_\r\n")
		return
	}
	_, _ = s.out.WriteString("$-1\r\n")
}

// pairs begins a map of n pairs.
func (s *session) pairs(n int) {
	if s.resp3 {
		_, _ = fmt.Fprintf(s.out, "%%%d\r\n", n)
		return
	}
	_, _ = fmt.Fprintf(s.out, "*%d\r\n", 2*n)
}
