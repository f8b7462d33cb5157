package pointers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// This file is what workers may say. Its answers are worded as Redis words them: clients decide by the first word.

// The keys there are, by what they begin with.
const (
	inputs    = "ctx:"
	results   = "res:"
	artifacts = "art:"
)

// command is one that is known: how many words it has, itself included, and what it does. most < 0: any number.
type command struct {
	least, most int
	open        bool // before the password was shown, too
	do          func(*session, [][]byte)
}

var commands map[string]command

func init() { // COMMAND refers to the table that it is in
	commands = map[string]command{
		"AUTH": {2, 3, true, (*session).auth}, "HELLO": {1, -1, true, (*session).hello}, "QUIT": {1, 1, true, (*session).leave},
		"PING": {1, 2, false, (*session).ping}, "ECHO": {2, 2, false, func(s *session, w [][]byte) { s.bulk(w[1]) }},
		"SELECT": {2, 2, false, func(s *session, _ [][]byte) { s.ok() }}, // there is one of what it chooses from
		"CLIENT": {2, -1, false, (*session).client}, "COMMAND": {1, -1, false, (*session).noCommands},
		"INFO": {1, -1, false, (*session).info},
		"GET":  {2, 2, false, (*session).get}, "STRLEN": {2, 2, false, (*session).length},
		"SET": {3, -1, false, (*session).set}, "SETEX": {4, 4, false, (*session).setFor}, "PSETEX": {4, 4, false, (*session).setFor},
		"DEL": {2, -1, false, (*session).del}, "UNLINK": {2, -1, false, (*session).del},
		"EXISTS": {2, -1, false, (*session).exists}, "TTL": {2, 2, false, (*session).ttl}, "PTTL": {2, 2, false, (*session).ttl},
		"EXPIRE": {3, 3, false, (*session).expire}, "PEXPIRE": {3, 3, false, (*session).expire},
	}
}

// answer does what a command says.
func (s *session) answer(words [][]byte) {
	name := strings.ToUpper(string(words[0]))
	c, ok := commands[name]
	switch {
	case !s.known && !c.open:
		s.fail("NOAUTH Authentication required.")
	case !ok:
		s.fail(fmt.Sprintf("ERR unknown command '%s'", plain(words[0])))
	case len(words) < c.least || (c.most >= 0 && len(words) > c.most):
		s.fail("ERR wrong number of arguments for '" + strings.ToLower(name) + "' command")
	default:
		c.do(s, words)
	}
}

// plain is what somebody said, fit for an answer of one line.
func plain(word []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(word[:min(len(word), 64)]))
}

func (s *session) leave([][]byte) {
	s.ok()
	s.quit = true
}

func (s *session) ping(words [][]byte) {
	if len(words) == 2 {
		s.bulk(words[1])
		return
	}
	s.simple("PONG")
}

// auth takes a password, with or without the name of the one user there is.
func (s *session) auth(words [][]byte) {
	if s.shows(words[1:]) {
		s.ok()
	}
}

// shows checks what was shown, and answers when it is wrong.
func (s *session) shows(words [][]byte) bool {
	if s.listener.cfg.Password == "" {
		s.fail("ERR Client sent AUTH, but no password is set")
		return false
	}
	user, password := "default", words[len(words)-1]
	if len(words) == 2 {
		user = string(words[0])
	}
	if user == "default" && s.listener.accepts(password) {
		s.known = true
		return true
	}
	s.guesses++
	s.quit = s.guesses >= maxGuesses
	s.fail("WRONGPASS invalid username-password pair or user is disabled.")
	return false
}

// hello agrees on the protocol, and may show the password and say the connection's name.
func (s *session) hello(words [][]byte) {
	resp3 := s.resp3
	for i := 1; i < len(words); i++ {
		switch rest := words[i+1:]; {
		case i == 1:
			version := string(words[1])
			if version != "2" && version != "3" {
				s.fail("NOPROTO unsupported protocol version")
				return
			}
			resp3 = version == "3"
		case strings.EqualFold(string(words[i]), "AUTH") && len(rest) >= 2:
			if !s.shows(rest[:2]) {
				return
			}
			i += 2
		case strings.EqualFold(string(words[i]), "SETNAME") && len(rest) >= 1:
			i++
		default:
			s.fail("ERR Syntax error in HELLO option")
			return
		}
	}
	if !s.known {
		s.fail("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return
	}
	s.resp3 = resp3
	s.greet()
}

// serverVersion is the version of Redis whose words are spoken here.
const serverVersion = "5.0.0"

func (s *session) greet() {
	proto := int64(2)
	if s.resp3 {
		proto = 3
	}
	s.pairs(6)
	for _, pair := range [][2]string{{"server", "redis"}, {"version", serverVersion}, {"mode", "standalone"}, {"role", "master"}} {
		s.bulk([]byte(pair[0]))
		s.bulk([]byte(pair[1]))
	}
	s.bulk([]byte("proto"))
	s.integer(proto)
	s.bulk([]byte("modules"))
	_, _ = s.out.WriteString("*0\r\n")
}

// client takes what libraries say of themselves.
func (s *session) client(words [][]byte) {
	switch sub := strings.ToUpper(string(words[1])); sub {
	case "SETINFO", "SETNAME":
		s.ok()
	case "ID":
		s.integer(1)
	case "GETNAME":
		s.null()
	default:
		s.fail(fmt.Sprintf("ERR unknown subcommand '%s'", plain(words[1])))
	}
}

func (s *session) noCommands([][]byte) { _, _ = s.out.WriteString("*0\r\n") }

func (s *session) info([][]byte) {
	s.bulk([]byte("# Server\r\nredis_version:" + serverVersion + "\r\nredis_mode:standalone\r\n"))
}

// readable tells whether workers may read a key, and answers when not: what one worker wrote is not for another.
func (s *session) readable(key []byte) bool {
	if strings.HasPrefix(string(key), inputs) {
		return true
	}
	s.fail("NOPERM workers read the inputs of jobs, ctx:*, and nothing else")
	return false
}

// writable tells whether workers may write a key, and answers when not.
func (s *session) writable(key []byte) bool {
	if k := string(key); strings.HasPrefix(k, results) || strings.HasPrefix(k, artifacts) {
		return true
	}
	s.fail("NOPERM workers write results and artifacts, res:* and art:*, and nothing else")
	return false
}

func (s *session) get(words [][]byte) {
	if !s.readable(words[1]) {
		return
	}
	if v, ok := s.listener.table.look(string(words[1])); ok {
		s.bulk(v.data)
		return
	}
	s.null()
}

func (s *session) length(words [][]byte) {
	if s.readable(words[1]) {
		v, _ := s.listener.table.look(string(words[1]))
		s.integer(int64(len(v.data)))
	}
}

// set is SET KEY VALUE with the options that say how long.
func (s *session) set(words [][]byte) {
	ttl, once := time.Duration(0), false
	for i := 3; i < len(words); i++ {
		switch option := strings.ToUpper(string(words[i])); option {
		case "EX", "PX":
			unit := time.Second
			if option == "PX" {
				unit = time.Millisecond
			}
			if i++; i >= len(words) {
				s.fail("ERR syntax error")
				return
			}
			var ok bool
			if ttl, ok = s.duration(words[i], unit, "set"); !ok {
				return
			}
		case "NX":
			once = true
		case "KEEPTTL":
		default:
			s.fail("ERR syntax error")
			return
		}
	}
	if !s.writable(words[1]) {
		return
	}
	s.keep(words[1], words[2], ttl, once)
}

// setFor is SETEX and PSETEX.
func (s *session) setFor(words [][]byte) {
	ttl, ok := s.duration(words[2], unitOf(words[0]), strings.ToLower(string(words[0])))
	if ok && s.writable(words[1]) {
		s.keep(words[1], words[3], ttl, false)
	}
}

// unitOf is the unit of a command's durations: those that begin with P count milliseconds.
func unitOf(name []byte) time.Duration {
	if name[0] == 'P' || name[0] == 'p' {
		return time.Millisecond
	}
	return time.Second
}

// duration reads how long something is to be kept, and answers when it is none. Nothing is kept for longer than TTL.
func (s *session) duration(word []byte, unit time.Duration, name string) (time.Duration, bool) {
	n, err := strconv.ParseInt(string(word), 10, 64)
	switch {
	case err != nil:
		s.fail("ERR value is not an integer or out of range")
		return 0, false
	case n <= 0:
		s.fail("ERR invalid expire time in '" + name + "' command")
		return 0, false
	}
	return time.Duration(min(n, int64(TTL/unit))) * unit, true
}

// keep stores what a worker may write.
func (s *session) keep(key, data []byte, ttl time.Duration, isNew bool) {
	switch err := s.listener.table.putFor(string(key), data, ttl, isNew); {
	case errors.Is(err, errThere):
		s.null()
	case errors.Is(err, ErrFull):
		s.fail("OOM command not allowed when used memory > 'maxmemory'.")
	case err != nil:
		s.fail("ERR string exceeds maximum allowed size")
	default:
		s.ok()
	}
}

func (s *session) del(words [][]byte) {
	for _, key := range words[1:] {
		if !s.writable(key) {
			return
		}
	}
	n := int64(0)
	for _, key := range words[1:] {
		if s.listener.table.remove(string(key)) {
			n++
		}
	}
	s.integer(n)
}

func (s *session) exists(words [][]byte) {
	n := int64(0)
	for _, key := range words[1:] {
		if !s.readable(key) {
			return
		}
	}
	for _, key := range words[1:] {
		if _, ok := s.listener.table.look(string(key)); ok {
			n++
		}
	}
	s.integer(n)
}

// ttl is TTL and PTTL.
func (s *session) ttl(words [][]byte) {
	if !s.readable(words[1]) {
		return
	}
	v, ok := s.listener.table.look(string(words[1]))
	if !ok {
		s.integer(-2)
		return
	}
	left := v.until.Sub(s.listener.table.now())
	s.integer(int64((left + unitOf(words[0])/2) / unitOf(words[0])))
}

// expire is EXPIRE and PEXPIRE.
func (s *session) expire(words [][]byte) {
	if !s.writable(words[1]) {
		return
	}
	ttl, ok := s.duration(words[2], unitOf(words[0]), strings.ToLower(string(words[0])))
	switch {
	case !ok:
	case s.listener.table.expire(string(words[1]), ttl):
		s.integer(1)
	default:
		s.integer(0)
	}
}
