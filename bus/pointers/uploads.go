package pointers

import "time"

// uploads lets large commands in, one after the other, while there is room for what they promise to be: connections are many,
// and each may send a large value.
type uploads struct {
	turn chan struct{} // of who takes pieces: one at a time, so that no two wait for each other
	free chan struct{} // pieces
}

func newUploads() *uploads {
	u := &uploads{turn: make(chan struct{}, 1), free: make(chan struct{}, maxUpload/uploadPiece)}
	for range cap(u.free) {
		u.free <- struct{}{}
	}
	return u
}

// admit waits until there is room for a command of so many bytes. It is false when there was none in time, or the command has
// had its turn before.
func (u *uploads) admit(s *session, size int, until time.Time) bool {
	if s.admitted > 0 {
		return false
	}
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	select {
	case u.turn <- struct{}{}:
	case <-late.C:
		return false
	}
	defer func() { <-u.turn }()
	s.admitted = size
	for range (size + uploadPiece - 1) / uploadPiece {
		select {
		case <-u.free:
			s.pieces++
		case <-late.C:
			return false // leave gives them back
		}
	}
	return true
}

// leave gives back what a session has.
func (u *uploads) leave(s *session) {
	for s.admitted = 0; s.pieces > 0; s.pieces-- {
		u.free <- struct{}{}
	}
}
